package wire

import "fmt"

// Walk is the guard without the decoding: how many bytes are left behind what
// it takes for the body.
func (r *Request) Walk() (rest int, err error) {
	g := guard{c: cursor{b: r.Body}, flexible: isFlexible(r.Key, r.Version)}
	g.field(schemaOf(r.Key, r.Version))
	if g.c.bad {
		return 0, fmt.Errorf("%w: too short", ErrMalformed)
	}
	return len(g.c.b), nil
}

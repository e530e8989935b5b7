package wire

import "github.com/twmb/franz-go/pkg/kmsg"

// Decode decodes the body into a request of the kind that Key and Version say,
// and sets its version. Strings are copied, byte slices lie in Body.
//
// kmsg trusts every count, so the body is walked first: decoding takes time and
// memory linear in len(Body), and what it takes counts as in flight until the
// handler returns. Errors wrap [ErrMalformed]. Bytes after the body are
// tolerated, as Kafka does.
func (r *Request) Decode(into kmsg.Request) error {
	into.SetVersion(r.Version)
	return into.ReadFrom(r.Body)
}

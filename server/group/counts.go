package group

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Values of version 4 have counts of tagged fields that kmsg follows whatever is
// behind them: 26 bytes could keep a start busy for a minute. So they are walked
// first, which ends with the first that is not there.

func checkOffsetCounts(b []byte) error {
	c := countWalk{b: b}
	c.skip(2 + 8 + 4)
	c.skip(c.length()) // metadata
	c.skip(8)
	c.tags()
	return c.err()
}

func checkGroupCounts(b []byte) error {
	c := countWalk{b: b}
	c.skip(2)
	c.skip(c.length()) // protocol type
	c.skip(4)
	c.skip(c.length()) // protocol
	c.skip(c.length()) // leader
	c.skip(8)
	for members := c.length(); members > 0 && !c.bad; members-- {
		for range 4 { // id, instance, client id and host
			c.skip(c.length())
		}
		c.skip(4 + 4)
		c.skip(c.length()) // subscription
		c.skip(c.length()) // assignment
		c.tags()
	}
	c.tags()
	return c.err()
}

// countWalk goes over a value. Behind the end it is bad, and stays there.
type countWalk struct {
	b   []byte
	bad bool
}

func (c *countWalk) err() error {
	if c.bad {
		return fmt.Errorf("%w: counts go beyond the value", errRecord)
	}
	return nil
}

func (c *countWalk) skip(n uint64) {
	if c.bad = c.bad || n > uint64(len(c.b)); !c.bad {
		c.b = c.b[n:]
	}
}

func (c *countWalk) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if c.bad = c.bad || n <= 0 || v > math.MaxUint32; c.bad {
		return 0
	}
	c.b = c.b[n:]
	return v
}

// length is that of a compact string, of bytes or of an array, 0 for null.
func (c *countWalk) length() uint64 { return max(c.uvarint(), 1) - 1 }

func (c *countWalk) tags() {
	for n := c.uvarint(); n > 0 && !c.bad; n-- {
		c.uvarint()
		c.skip(c.uvarint())
	}
}

package group

import "encoding/binary"

// subscribedMax is of how many topics a group's subscription is known. A list of names
// takes several times its bytes here; of a longer one a group counts as subscribed to
// everything.
const subscribedMax = 100_000

// readSubscription adds the topics of a consumer's subscription, the metadata
// of its protocol: version int16, topics (count int32, then string with 16-bit
// length each), and more that nobody asks for here. It reads by hand because the
// rest, partitions owned above all, unfolds to a multiple of its bytes. It
// reports false where b is something else, or names too many.
func readSubscription(b []byte, topics map[string]struct{}) bool {
	if len(b) < 6 || int16(binary.BigEndian.Uint16(b)) < 0 {
		return false
	}
	n := int32(binary.BigEndian.Uint32(b[2:]))
	b = b[6:]
	if n < 0 {
		return false
	}
	for ; n > 0; n-- {
		if len(b) < 2 {
			return false
		}
		size := int(int16(binary.BigEndian.Uint16(b)))
		if size < 0 || len(b) < 2+size {
			return false
		}
		if topics[string(b[2:2+size])] = struct{}{}; len(topics) > subscribedMax {
			return false
		}
		b = b[2+size:]
	}
	return true
}

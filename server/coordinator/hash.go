package coordinator

import (
	"math"
	"unicode/utf16"
)

// PartitionOf is the partition of an internal topic of n partitions that keeps
// what belongs to an id, a group's or a transactional one. It is Kafka's: Java's
// String.hashCode, which goes by UTF-16 units, without its sign.
func PartitionOf(id string, n int32) int32 {
	var h int32
	for _, r := range id {
		if r < 0x10000 {
			h = 31*h + r
			continue
		}
		high, low := utf16.EncodeRune(r)
		h = 31*(31*h+high) + low
	}
	switch {
	case h == math.MinInt32:
		h = 0
	case h < 0:
		h = -h
	}
	return h % n
}

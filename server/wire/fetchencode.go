package wire

import "moldau/zerocopy"

// Versions of Fetch that [FetchResponse] knows, and what changed among them.
const (
	fetchVersionMin       = 4
	fetchVersionMax       = 18
	fetchVersionLogStart  = 5
	fetchVersionSession   = 7
	fetchVersionPreferred = 11
	fetchVersionFlexible  = 12
	fetchVersionTopicID   = 13
	fetchVersionEndpoints = 16
)

const keyFetch = 1

// Key is Fetch's.
func (f *FetchResponse) Key() int16 { return keyFetch }

// IsFlexible reports whether the version has tagged fields.
func (f *FetchResponse) IsFlexible() bool { return f.Version >= fetchVersionFlexible }

// AppendTo appends all but the record bytes: lengths are there, the bytes they
// promise are not. A [Server] sends those from their files; a response that
// holds none is complete.
func (f *FetchResponse) AppendTo(dst []byte) []byte {
	dst, _ = f.appendWithGaps(dst, nil)
	return dst
}

// gap is a place in an encoded response where the bytes of sections belong.
type gap struct {
	at       int // index in the encoding
	sections []zerocopy.Section
}

// appendWithGaps is AppendTo that also appends to gaps where which record bytes
// are missing.
func (f *FetchResponse) appendWithGaps(dst []byte, gaps []gap) ([]byte, []gap) {
	flexible := f.IsFlexible()
	dst = appendInt32(dst, f.ThrottleMs)
	if f.Version >= fetchVersionSession {
		dst = appendInt16(dst, f.ErrorCode)
		dst = appendInt32(dst, f.SessionID)
	}
	dst = appendCount(dst, len(f.Topics), flexible)
	for i := range f.Topics {
		t := &f.Topics[i]
		if f.Version >= fetchVersionTopicID {
			dst = append(dst, t.ID[:]...)
		} else {
			dst = appendString(dst, t.Name, flexible)
		}
		dst = appendCount(dst, len(t.Partitions), flexible)
		for j := range t.Partitions {
			dst, gaps = f.appendPartition(dst, &t.Partitions[j], gaps)
		}
		if flexible {
			dst = append(dst, 0)
		}
	}
	if flexible {
		dst = f.appendEndpoints(dst)
	}
	return dst, gaps
}

func (f *FetchResponse) appendPartition(dst []byte, p *FetchPartition, gaps []gap) ([]byte, []gap) {
	flexible := f.IsFlexible()
	dst = appendInt32(dst, p.Partition)
	dst = appendInt16(dst, p.ErrorCode)
	dst = appendInt64(dst, p.HighWatermark)
	dst = appendInt64(dst, p.LastStable)
	if f.Version >= fetchVersionLogStart {
		dst = appendInt64(dst, p.LogStart)
	}
	dst = appendAborted(dst, p.Aborted, flexible)
	if f.Version >= fetchVersionPreferred {
		dst = appendInt32(dst, p.PreferredReadReplica)
	}
	n := 0
	if p.Records != nil {
		// Not Fetch.Bytes: a frame is lost if its length is not that of what follows.
		for i := range p.Records.Sections {
			n += p.Records.Sections[i].Length
		}
	}
	if flexible {
		dst = appendUvarint(dst, uint32(n)+1)
	} else {
		dst = appendInt32(dst, int32(n))
	}
	if n > 0 {
		gaps = append(gaps, gap{at: len(dst), sections: p.Records.Sections})
	}
	if flexible {
		dst = appendPartitionTags(dst, p)
	}
	return dst, gaps
}

func appendAborted(dst []byte, aborted []AbortedTransaction, flexible bool) []byte {
	switch {
	case aborted != nil:
		dst = appendCount(dst, len(aborted), flexible)
	case flexible:
		dst = append(dst, 0)
	default:
		dst = appendInt32(dst, -1)
	}
	for _, a := range aborted {
		dst = appendInt64(dst, a.ProducerID)
		dst = appendInt64(dst, a.FirstOffset)
		if flexible {
			dst = append(dst, 0)
		}
	}
	return dst
}

// appendPartitionTags: a tagged field is its tag, its length in bytes, its
// bytes; a structure ends in its own count of tags, here always 0.
func appendPartitionTags(dst []byte, p *FetchPartition) []byte {
	countAt := len(dst)
	dst = append(dst, 0)
	if d := p.DivergingEpoch; d != nil {
		dst[countAt]++
		dst = append(dst, 0, 4+8+1)
		dst = appendInt32(dst, d.Epoch)
		dst = appendInt64(dst, d.EndOffset)
		dst = append(dst, 0)
	}
	if l := p.CurrentLeader; l != nil {
		dst[countAt]++
		dst = append(dst, 1, 4+4+1)
		dst = appendInt32(dst, l.LeaderID)
		dst = appendInt32(dst, l.Epoch)
		dst = append(dst, 0)
	}
	return dst
}

func (f *FetchResponse) appendEndpoints(dst []byte) []byte {
	if f.Version < fetchVersionEndpoints || len(f.NodeEndpoints) == 0 {
		return append(dst, 0)
	}
	field := appendCount(nil, len(f.NodeEndpoints), true)
	for _, n := range f.NodeEndpoints {
		field = appendInt32(field, n.NodeID)
		field = appendString(field, n.Host, true)
		field = appendInt32(field, n.Port)
		if n.Rack == nil {
			field = append(field, 0)
		} else {
			field = appendString(field, *n.Rack, true)
		}
		field = append(field, 0)
	}
	dst = append(dst, 1, 0)
	dst = appendUvarint(dst, uint32(len(field)))
	return append(dst, field...)
}

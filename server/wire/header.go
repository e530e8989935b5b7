package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	keyProduce      = 0
	keyOffsetCommit = 8
	keyApiVersions  = 18
)

// flexibleFrom holds, by key, the first version whose headers carry tagged
// fields. Asking kmsg each time would allocate a message per request.
var flexibleFrom = func() []int16 {
	from := make([]int16, kmsg.MaxKey+1)
	for key := range from {
		from[key] = math.MaxInt16
		m := kmsg.RequestForKey(int16(key))
		if m == nil {
			continue
		}
		for v := range m.MaxVersion() + 1 {
			if m.SetVersion(v); m.IsFlexible() {
				from[key] = v
				break
			}
		}
	}
	return from
}()

func isFlexible(key, version int16) bool {
	return key >= 0 && int(key) < len(flexibleFrom) && version >= flexibleFrom[key]
}

// parseHeader fills in all of r but Conn. lastClientID is returned as the client
// id if it is the same, so that a connection pays for its name once.
//
// Header version 1 is key, version, correlation id and the nullable client id;
// version 2, of flexible requests, adds tagged fields, but keeps the client id's
// 2-byte length.
func parseHeader(r *Request, frame []byte, lastClientID string) error {
	c := cursor{b: frame}
	r.Key, r.Version, r.CorrelationID = c.int16(), c.int16(), c.int32()
	r.ClientID = ""
	if n := c.length(false, false); n >= 0 {
		if id := c.take(n); string(id) == lastClientID {
			r.ClientID = lastClientID
		} else {
			r.ClientID = string(id)
		}
	}
	if !c.bad && isFlexible(r.Key, r.Version) {
		beforeTags := c.b
		c.skipTags()
		if c.bad && r.Key == keyApiVersions {
			// A client asks this with the newest version it knows, to learn which it
			// may use. It must get an answer, however that version lays out its header.
			c = cursor{b: beforeTags}
		}
	}
	if c.bad {
		return fmt.Errorf("%w: header of key %d, version %d", ErrMalformed, r.Key, r.Version)
	}
	r.Body = c.b
	return nil
}

// appendHeader begins a response frame, whose length is set by finishFrame.
// Response header 1, of flexible responses, adds tagged fields. ApiVersions
// never has it: its client does not know yet what the broker can do.
func appendHeader(dst []byte, correlationID int32, resp Response) []byte {
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if resp.IsFlexible() && resp.Key() != keyApiVersions {
		dst = append(dst, 0)
	}
	return dst
}

// finishFrame sets the length of the frame that begins at start and goes on,
// behind dst, for extra bytes.
func finishFrame(dst []byte, start int, extra int64) error {
	n := int64(len(dst)-start-4) + extra
	if n > math.MaxInt32 {
		return &rejection{err: fmt.Errorf("response of %d bytes does not fit a frame", n)}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(n))
	return nil
}

package group

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"unsafe"
)

// Protocol is one that a member offers, with what it says to the others in it.
type Protocol struct {
	Name     string
	Metadata []byte
}

// member is one of a group's.
type member struct {
	id, instance         string // instance is "" unless the member is static
	clientID, clientHost string
	rebalanceMs          int32
	sessionMs            int32
	protocols            []Protocol
	assignment           []byte

	joining func(*JoinResponse) // answers its JoinGroup, nil where none waits
	syncing func(*SyncResponse) // the same of its SyncGroup
	synced  bool                // asked for its share of this generation
	fresh   bool                // has not been answered yet, and cannot send heartbeats

	session timer // when it is given up
}

// metadata is what the member says in a protocol.
func (m *member) metadata(protocol string) []byte {
	for i := range m.protocols {
		if m.protocols[i].Name == protocol {
			return m.protocols[i].Metadata
		}
	}
	return nil
}

// offers tells whether the member offers exactly the given protocols, in order.
func (m *member) offers(protocols []Protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b Protocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// memberOverheadBytes is about what a member takes beside its strings.
const memberOverheadBytes = 512

func (m *member) bytes() int64 {
	n := memberOverheadBytes + len(m.id) + len(m.instance) + len(m.clientID) + len(m.clientHost) + len(m.assignment)
	return int64(n) + protocolBytes(m.protocols)
}

func protocolBytes(protocols []Protocol) int64 {
	n := len(protocols) * int(unsafe.Sizeof(Protocol{}))
	for _, p := range protocols {
		n += len(p.Name) + len(p.Metadata)
	}
	return int64(n)
}

// memberPrefixMax is how much of a client's name its member id begins with.
const memberPrefixMax = 255

// newMemberID makes an id as Kafka does: what people know the member by, and
// what nobody can guess.
func (m *machine) newMemberID(clientID, instance string) string {
	prefix := clientID
	if instance != "" {
		prefix = instance
	}
	if len(prefix) > memberPrefixMax {
		// Not within a character: a client that replaces half of one would come back
		// with another id.
		prefix = strings.ToValidUTF8(prefix[:memberPrefixMax], "")
	}
	var b [16]byte
	m.o.Rand(b[:])
	b[6] = b[6]&0x0f | 0x40 // a UUID of version 4
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return prefix + "-" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

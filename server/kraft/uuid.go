package kraft

import (
	"encoding/base64"
	"fmt"
)

// UUID is an id as Kafka gives them to topics, directories and incarnations.
type UUID [16]byte

// String is Kafka's form: URL-safe base64 without padding.
func (id UUID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseUUID is the inverse of String.
func ParseUUID(s string) (id UUID, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is not an id in Kafka's form", s)
	}
	return UUID(b), nil
}

// Directories that a replica may lie in which no broker has named yet: these ids
// are reserved.
var directoryUnassigned = UUID{}

package controller

import (
	"errors"
	"fmt"
)

// What a command is refused for. Every refusal wraps one of these; its text is
// Kafka's where Kafka has one, and fit for a response.
var (
	ErrTopicExists              = errors.New("topic exists")
	ErrUnknownTopic             = errors.New("unknown topic")
	ErrUnknownTopicID           = errors.New("unknown topic id")
	ErrInvalidTopic             = errors.New("invalid topic name")
	ErrInvalidPartitions        = errors.New("invalid number of partitions")
	ErrInvalidReplication       = errors.New("invalid replication factor")
	ErrInvalidReplicaAssignment = errors.New("invalid replica assignment")
	ErrInvalidConfig            = errors.New("invalid config")
	ErrInvalidRequest           = errors.New("invalid request")
	ErrPolicy                   = errors.New("policy violation")

	// ErrTimeout tells that the command was still under way when its context
	// ended: it may take effect yet.
	ErrTimeout = errors.New("command did not finish in time")
	// ErrUnavailable tells that the metadata log takes no commands, because it
	// failed or is closed. Whether the command that met the failure took effect
	// is known after the next start. The image stays readable.
	ErrUnavailable = errors.New("metadata log is unavailable")
)

// refusal is one of the errors above with a message for the client.
type refusal struct {
	kind    error
	message string
}

func (r *refusal) Error() string { return r.message }
func (r *refusal) Unwrap() error { return r.kind }

// Refuse makes an error of one of the kinds above, with a message for the
// client.
func Refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

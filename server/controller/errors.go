package controller

import "errors"

// What a command is refused for. Every refusal wraps one of these and says in
// its text what a user can do about it; the text is fit for a Kafka response.
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
	// failed or is closed. The image stays readable.
	ErrUnavailable = errors.New("metadata log is unavailable")
)

// refusal is one of the errors above with a message for the client.
type refusal struct {
	kind    error
	message string
}

func (r *refusal) Error() string { return r.message }
func (r *refusal) Unwrap() error { return r.kind }

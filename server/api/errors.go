package api

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/controller"
	"moldau/server/group"
	"moldau/server/replica"
)

// codes says which of Kafka's errors an error of ours is. The first match
// counts, so what wraps stands before what is wrapped.
var codes = []struct {
	err   error
	kafka *kerr.Error
}{
	// The log cannot be written or read. Clients retry; an operator must act.
	{replica.ErrOffline, kerr.KafkaStorageError},
	{logstore.ErrPoisoned, kerr.KafkaStorageError},
	{logstore.ErrNoSpace, kerr.KafkaStorageError},
	{logstore.ErrReadOnly, kerr.KafkaStorageError},

	// The log is elsewhere now, or gone: the client asks for metadata again.
	{replica.ErrNotLeader, kerr.NotLeaderForPartition},
	{logstore.ErrClosed, kerr.NotLeaderForPartition},
	{logstore.ErrNotFound, kerr.UnknownTopicOrPartition},
	{logstore.ErrFencedEpoch, kerr.FencedLeaderEpoch},
	{logstore.ErrUnknownEpoch, kerr.UnknownLeaderEpoch},
	{logstore.ErrOffsetRange, kerr.OffsetOutOfRange},

	// The batch is not what it says: bytes changed on their way, or never were
	// a batch.
	{record.ErrCRC, kerr.CorruptMessage},
	{record.ErrLength, kerr.CorruptMessage},
	{record.ErrMagic, kerr.CorruptMessage},
	{record.ErrShort, kerr.CorruptMessage},

	// The batch is what it says, and not acceptable.
	{record.ErrCodec, kerr.InvalidRecord},
	{logstore.ErrTooLarge, kerr.MessageTooLarge},
	{logstore.ErrTooLargeForSegment, kerr.RecordListTooLarge},
	{logstore.ErrInvalidTimestamp, kerr.InvalidTimestamp},
	{logstore.ErrInvalidRecord, kerr.InvalidRecord},
	{logstore.ErrSequence, kerr.OutOfOrderSequenceNumber},
	{logstore.ErrProducerEpoch, kerr.InvalidProducerEpoch},
	{logstore.ErrTransactionState, kerr.InvalidTxnState},
	{logstore.ErrCoordinatorEpoch, kerr.TransactionCoordinatorFenced},

	{logstore.ErrInvalidName, kerr.InvalidTopicException},
	{logstore.ErrExists, kerr.TopicAlreadyExists},

	{controller.ErrTopicExists, kerr.TopicAlreadyExists},
	{controller.ErrUnknownTopic, kerr.UnknownTopicOrPartition},
	{controller.ErrUnknownTopicID, kerr.UnknownTopicID},
	{controller.ErrInvalidTopic, kerr.InvalidTopicException},
	{controller.ErrInvalidPartitions, kerr.InvalidPartitions},
	{controller.ErrInvalidReplication, kerr.InvalidReplicationFactor},
	{controller.ErrInvalidReplicaAssignment, kerr.InvalidReplicaAssignment},
	{controller.ErrInvalidConfig, kerr.InvalidConfig},
	{controller.ErrInvalidRequest, kerr.InvalidRequest},
	{controller.ErrPolicy, kerr.PolicyViolation},
	{controller.ErrTimeout, kerr.RequestTimedOut},
	{controller.ErrUnavailable, kerr.CoordinatorNotAvailable},

	{group.ErrInvalidGroupID, kerr.InvalidGroupID},
	{group.ErrInvalidSessionTimeout, kerr.InvalidSessionTimeout},
	{group.ErrInconsistentProtocol, kerr.InconsistentGroupProtocol},
	{group.ErrUnknownMember, kerr.UnknownMemberID},
	{group.ErrMemberIDRequired, kerr.MemberIDRequired},
	{group.ErrFencedInstance, kerr.FencedInstanceID},
	{group.ErrIllegalGeneration, kerr.IllegalGeneration},
	{group.ErrRebalanceInProgress, kerr.RebalanceInProgress},
	{group.ErrFull, kerr.GroupMaxSizeReached},
	{group.ErrNotFound, kerr.GroupIDNotFound},
	{group.ErrNotEmpty, kerr.NonEmptyGroup},
	{group.ErrSubscribed, kerr.GroupSubscribedToTopic},
	{group.ErrNoTopic, kerr.UnknownTopicOrPartition},
	{group.ErrCommitTooLarge, kerr.InvalidCommitOffsetSize},
	{group.ErrUnknownServer, kerr.UnknownServerError},
	{group.ErrNotCoordinator, kerr.NotCoordinator},
	{group.ErrLoading, kerr.CoordinatorLoadInProgress},
	{group.ErrCoordinatorUnavailable, kerr.CoordinatorNotAvailable},

	{context.DeadlineExceeded, kerr.RequestTimedOut},
}

// errorCode is Kafka's code for an error, 0 for nil. Bytes on disk that are
// not what was written, and every error of the file system, are Kafka's storage
// error: what else reaches this table unknown is ours to name in it.
func errorCode(err error) int16 {
	if err == nil {
		return 0
	}
	for i := range codes {
		if errors.Is(err, codes[i].err) {
			return codes[i].kafka.Code
		}
	}
	return kerr.KafkaStorageError.Code
}

// errorMessage is the text beside a code, nil for nil.
func errorMessage(err error) *string {
	if err == nil {
		return nil
	}
	s := err.Error()
	return &s
}

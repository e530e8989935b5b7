package wire

import "moldau/logstore"

// FetchResponse is a Fetch response, versions 4 to 18, whose record bytes stay
// in their files until they are sent.
//
// Once it is part of a [Reply] it belongs to this package, which releases every
// partition's Records after the last byte has left, or when there is nothing to
// send it to any more, and then calls Release.
type FetchResponse struct {
	Version       int16
	ThrottleMs    int32
	ErrorCode     int16 // 7+
	SessionID     int32 // 7+
	Topics        []FetchTopic
	NodeEndpoints []NodeEndpoint // 16+, tagged, left out when empty

	// Release, where set, is called once, after the Records are released; the
	// response may be used again from then on.
	Release func()
}

// FetchTopic is the part of one topic.
type FetchTopic struct {
	Name       string   // up to 12
	ID         [16]byte // 13+
	Partitions []FetchPartition
}

// FetchPartition is the part of one partition.
type FetchPartition struct {
	Partition            int32
	ErrorCode            int16
	HighWatermark        int64
	LastStable           int64
	LogStart             int64                // 5+
	DivergingEpoch       *EpochEnd            // 12+, tagged, nil for none
	CurrentLeader        *LeaderEpoch         // 12+, tagged, nil for none
	Aborted              []AbortedTransaction // nil is null, which is not the same as none
	PreferredReadReplica int32                // 11+, -1 for none; the zero value is broker 0

	// Records is nil for none. They are sent with zero length then, never as
	// null, which librdkafka takes for a broken response.
	Records *logstore.Fetch
}

// EpochEnd is a leader epoch and the offset at which it ended.
type EpochEnd struct {
	Epoch     int32
	EndOffset int64
}

// LeaderEpoch tells who leads a partition.
type LeaderEpoch struct {
	LeaderID, Epoch int32
}

// AbortedTransaction tells where a producer's aborted transaction began.
type AbortedTransaction struct {
	ProducerID, FirstOffset int64
}

// NodeEndpoint tells how a broker is reached.
type NodeEndpoint struct {
	NodeID int32
	Host   string
	Port   int32
	Rack   *string
}

// release unpins the records and gives the response back. It is called once.
func (f *FetchResponse) release() {
	for i := range f.Topics {
		partitions := f.Topics[i].Partitions
		for j := range partitions {
			if r := partitions[j].Records; r != nil {
				r.Release()
			}
		}
	}
	if f.Release != nil {
		f.Release()
	}
}

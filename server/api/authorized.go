package api

import "math"

// What a client may do, as bits of Kafka's AclOperation codes. Without an
// authorizer that is everything there is to do.
const (
	topicOperations   int32 = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	groupOperations   int32 = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11
	clusterOperations int32 = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12

	// operationsOmitted stands where the client did not ask.
	operationsOmitted int32 = math.MinInt32
)

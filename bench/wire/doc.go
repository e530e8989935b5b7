// Package wire is a Kafka client that costs next to nothing: requests are
// encoded once and sent again and again, with nothing changed but the
// correlation id and, in fetches, the offsets. A standard client takes most of
// a small machine for itself; this one shows the broker.
//
// It speaks Produce 8, Fetch 11 and OffsetCommit 7, the last versions before the
// flexible ones, because their layout is fixed: an answer is checked at known
// positions.
package wire

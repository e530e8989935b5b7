// Package wire speaks the frames of Kafka's protocol: it turns the bytes of a
// connection into requests, hands them to a [Handler], and sends the replies
// back in the order of the requests. What a request means is not its business;
// which versions of which APIs are served is package api's.
//
// # Vocabulary
//
// A frame is a request or a response behind its 4-byte length. A [Reply] is
// what a handler says to one request: a [Response], or a function that will have
// one after some wait, or nothing. A section is a piece of a log's file; record
// bytes of a Fetch go from there to the socket, see [FetchResponse].
//
// # A connection
//
// One goroutine reads frames and serves them one after the other, so that the
// requests of a connection take effect in their order. It sends replies as well,
// as long as none is under way that has to be waited for: those, what is behind them, and
// a Fetch's while more has arrived, are a second one's, which is there from the first on.
// Both are told when the peer is gone.
//
// Requests that have arrived together are read by one system call and, if they
// are small, served where they were read. Of Produce up to eight, or 256 KiB, are a run
// and served at once by a [RunHandler], unless that gained nothing lately. It is served
// before anything is waited for: what has not arrived yet, memory, another reply.
//
// Replies share a write: one that is ready while a Produce or an OffsetCommit is there
// already is held back for at most 100 microseconds, or as long as that request, or its
// run, takes to be written, and where many connections are at work for less. It waits for
// no other request.
//
// # Limits
//
// A peer may declare what it likes; memory is spent on bytes that arrived.
// Buffers grow as a frame comes in, all frames being received or served share
// one budget, decoding is linear in the bytes received and refuses what would
// unfold to too much, replies queue up to a limit, one for each connection and
// one for all, nothing is served to a peer that does not take the replies before
// (unless a parked one has sent records, which stay in their files), and one that does
// not get on with sending or reading is dropped. Connections are bounded, in all and
// for each address, and accepted only so fast. When a limit is met that honest clients meet too, reading or
// accepting stops until there is room: nothing is lost. [Options] has the limits
// that can be set, and [Counters] how often they were met.
//
// # What it does not do
//
// It neither authenticates nor authorizes, throttles or retries, and it keeps
// no state of clients between requests. It does not verify record batches.
package wire

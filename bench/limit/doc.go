// Package limit holds programs that do what no broker can leave out, and
// nothing else, so that a broker's CPU time has a floor beside it that was
// measured on the same machine in the same minute, by the same client.
//
// [ServeIngest] receives Produce requests, checks the CRC-32C of each batch,
// writes each request to a file by one pwrite, and acknowledges it. [ServeEgress]
// answers Fetch requests with the next bytes of a file, by sendfile or by pread
// and one write. The limit of a fetch is the cheaper of the two.
//
// Both speak the versions that package wire sends, and believe what they are
// sent: no topic is looked up, no offset is kept, nothing is limited, and
// nothing becomes durable. A connection has one goroutine. Requests that have
// arrived together are read by one system call and acknowledged by another, as
// those of a client that keeps several in flight do.
package limit

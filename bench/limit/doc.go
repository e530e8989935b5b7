// Package limit holds programs that do what no broker can leave out, and
// nothing else, so that a broker's CPU time has a floor beside it that was
// measured on the same machine in the same minute, by the same client.
//
// [ServeIngest] receives Produce requests, checks the CRC-32C of each batch,
// writes each request to a file by one pwrite, and acknowledges it;
// [ServeIngestSynced] once a group commit has made it durable, in a file that is
// overwritten as a journal is; [ServeSpread] writes each batch to a file of its
// partition. [ServeEgress]
// answers Fetch requests with the next bytes of a file, by sendfile, by pread
// and one write, or by a write from a map. The limit of a fetch is the cheapest.
// [ServeRelay] takes and hands out again, for those who wait at a log's end, who have a
// connection and do nothing, or who measure how soon a program is there.
//
// All speak the versions that package wire sends, and believe what they are
// sent: nothing is looked up, but for relay's topics, and nothing is limited. A
// connection has one goroutine, and system calls are made as the broker makes them:
// short ones without telling the runtime. Requests that have arrived together are
// read by one system call and acknowledged by another, as those of a client that
// keeps several in flight do, but by relay.
package limit

// Package api serves the APIs of Kafka's protocol: for each one a file, with
// what it checks, whom it asks and what it answers. It holds no state of its
// own but a block of producer ids and the fetch sessions, which any restart may
// lose.
//
// table.go says which APIs and versions there are: what it lists is what
// ApiVersions advertises. errors.go says which of Kafka's error codes an error
// of ours becomes, for all APIs.
//
// Answers follow Apache Kafka 4.3.1 as observed, not only as documented: where
// a client was known to break on something else, the comment says so. Requests
// of a connection take effect in their order because handlers run one after the
// other; what must wait for disks or other clients' data is parked, see
// [wire.Reply].
package api

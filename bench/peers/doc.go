// Package peers is the engine and the other write-ahead logs that a Go program can
// embed, behind one interface: records in, records out.
//
// # Vocabulary
//
// A [Peer] is a library, a [Log] one log of it. Records are numbered from 0 in the
// order in which they were appended, whatever the peer begins at.
//
// # Guarantees
//
// Every adapter asks its peer for as little as the interface needs, and as its
// documentation says to. Where a peer has no way to leave syncs out, its files are
// given to it without: [Peer].Unsynced says how. What a peer promises of the bytes it
// returns, [Peer].Checks says; where it promises less than another, its figures are
// not for the same work.
//
// # What it does not do
//
// It does not retry, and knows no errors but those of its peers. Of NATS it takes the
// file store out of the server, which the server does not export: what embeds NATS
// talks to a server in its process, and pays for that as well.
package peers

// Package zerocopy moves sections of files to a connection by the cheapest way
// that works there.
//
// A message is a list of [Part]: bytes, then a [Section] of a file, then bytes
// again. A Fetch response is one: what the protocol puts around the records is
// bytes, the records stay where they are on disk. A [Sender], one per
// connection, sends such messages.
//
// # Paths
//
// On Linux, to a TCP or Unix stream connection, a section of at least
// [SendfileMin] bytes goes by sendfile from the page cache to the socket
// without passing through this process. The bytes before it are written with
// MSG_MORE, so that they share a packet with what follows. Smaller sections
// are read into a pooled buffer among the bytes around them and leave in one
// write. To wait for a socket the buffer is given up, and what it held is read
// again: a peer that does not read costs no memory here. To any other writer (TLS,
// another system, a file that the operating system does not know) all sections
// are copied through that buffer.
//
// [Result] says how many bytes each path carried.
//
// # Guarantees
//
// Sections are read at explicit offsets: the position of a file is neither used
// nor moved, so any number of connections may send from one open file. No
// call asks a file for more than is left of its section. A full socket parks the goroutine
// in the network poller, not the thread, and write deadlines and Close of the
// connection end a send. In steady state a send allocates nothing.
//
// # What it does not do
//
// It keeps no file open and pins nothing: whoever hands out a section does,
// until Send returns. It does not flush, frame or retry. A section that is not in the
// page cache blocks a thread while the disk reads it; ahead of it is read what
// [Sender.ReadAheadBytesMax] says, on Linux from 6.5 on, and what the system reads by
// itself.
package zerocopy

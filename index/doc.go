// Package index keeps the sparse indexes beside a segment: offset to position
// ([Offsets], the .index file) and timestamp to offset ([Times], .timeindex).
// The files are Kafka's, byte for byte; FORMAT.md draws them. The third,
// .txnindex, is that of aborted transactions ([Txns]).
//
// # Vocabulary
//
// An entry names one batch. The base is the segment's first offset; entries
// hold offsets relative to it. An index is active while its segment is written
// and sealed from then on. Padding is the run of zeros that Kafka preallocates
// behind the entries of an active index.
//
// # Guarantees
//
// An active index lives in one heap slice; [Offsets.Flush] writes what the file
// lacks. A sealed one is mapped read-only, so its pages are the kernel's to
// keep or drop. Only sealed indexes are mapped: a mapping over a file that
// grows or shrinks is a SIGBUS that kills the process. Small ones, and all
// where there is nothing to map, are copied to the heap instead.
//
// Lookups take no lock, allocate nothing, and may run while the one writer
// appends, flushes, seals and truncates. They see the entries of some moment
// between their start and their end. A mapped page that cannot be read (an I/O
// error, a file cut by someone else) is an [ErrIO], never a dead process.
//
// # What it does not do
//
// It neither opens, names, closes, renames nor locks files: the caller does. It
// keeps no checksum, as the format has none. So an index is believed only as
// far as it was synced: whoever recovers a log rebuilds it from the batches
// above the recovery point, and after [ErrCorrupt] from the first one on. The
// place that a lookup gives is a hint, to be checked against the batch there.
//
// A page fault on a mapped index blocks its thread without the Go scheduler
// knowing. That is accepted: an index of a 1 GiB segment has 2 MiB, a lookup
// faults at most once per level of its search, and reading every lookup by
// system calls would cost each of them what now only the cold ones pay.
package index

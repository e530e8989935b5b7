// Package journal is a write-ahead log that many logs share: what is appended
// to any of them is on stable storage after one sequential write and one sync,
// where a sync of each log's own file would cost one each.
//
// # Vocabulary
//
// The journal is a directory of files of one size, which are written with zeros
// once and then recycled: overwriting allocated blocks syncs in half the time
// of an append, and cannot meet a full disk. Each use of a file has a
// generation, one above the last. A commit is what one write and one sync bring
// to stable storage; its sequence is one above the last, across files. It holds
// records: [Batches] of one log, or the word that a log's own files are
// [Synced]. A file is live until the generation is released, and free after.
//
// # Guarantees
//
// When [Journal.Commit] returns nil, all that was added before is found by
// [Scan], in order, whatever crash follows, until it is released. A commit is
// written after the sync of the one before returned, and begins on a page of
// its own, so no crash can touch what was acknowledged.
//
// Damage is told from an unfinished write. What is not whole in the last commit
// of all was never acknowledged: [Report].Torn. What is not whole and has a good
// header of a later commit behind it was: [Report].Rot. Records of an older use
// of the same bytes never pass for new ones, because the checksums of records
// take in generation and sequence.
//
// A failed write or sync is final: the journal does not know what is on the
// disk then, and takes nothing more.
//
// An [Extract] holds records that outlive the journal they were in. A [Catalog]
// remembers where records lie, for who wants those of one log.
//
// # What it does not do
//
// It does not look into payloads, nor know which logs there are. Where the
// journal begins is for the caller to keep: generations below the one given to
// Scan, or below the one that the last commit names as the oldest still needed,
// are not read. It has no goroutines and knows no time.
//
// It does not hold against forgery. Generation and sequence can be guessed, so
// who may write payloads could build a commit into one, to be found should the
// header of the commit around it be lost.
package journal

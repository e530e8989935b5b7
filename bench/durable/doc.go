// Package durable is the scenario of durable acknowledgements: of the engine
// without a broker, beside programs that do only what cannot be left out.
//
// Clients append one batch each, wait until it is on stable storage, and append
// the next. A batch lies in one of several logs; clients are spread evenly over
// them, and one that has more than one log goes round. The systems:
//
//   - moldau: the engine in synced mode, Log.AppendLeader and Log.Wait;
//   - one-file: one file for all logs, appends under a mutex, one fdatasync that
//     all who wait share: the limit;
//   - overwrite: the same over a preallocated file that is written round and
//     round, for information, where asked for;
//   - per-file: a file for each log, each with a group commit of its own;
//   - syncfs: a file for each log, one syncfs that all who wait share.
//
// Each checks the CRC-32C of every batch. A block begins with directories, files
// and memory warm and nothing left to write back; it ends when all data is in
// its own files: for the engine after Store.Checkpoint. With a journal it also
// lasts until that was cut several times.
package durable

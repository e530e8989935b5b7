// Package kraft reads and writes what Apache Kafka, in KRaft mode, keeps of its
// cluster on disk: meta.properties, the log and snapshots of __cluster_metadata,
// and the files by which a new node starts.
//
// # Vocabulary
//
// The metadata log is an ordinary log of record batches, in
// __cluster_metadata-0. A snapshot, <offset>-<epoch>.checkpoint beside its
// segments, stands for all records below its offset. Both hold the same records:
//
//	frame version   uvarint   1
//	type            uvarint
//	version         uvarint   of the type
//	fields                    big-endian; strings, bytes and arrays with a uvarint
//	                          of their length plus one, 0 being null; tagged fields
//
// Control batches are the quorum's own: who leads, who votes, where a snapshot
// begins and ends. An [Image] is the cluster that the records describe.
//
// bootstrap.checkpoint, a snapshot in the root of the log directory, holds the
// records that the first controller of a new cluster writes into its log.
//
// # Guarantees
//
// Reading changes nothing. A record of a type or version that is unknown here is
// an error, never skipped: it may be what makes the rest wrong. Of known types,
// those that say nothing about topics, configs, brokers, producer ids, quotas,
// users or rights are read over.
//
// Types and versions are those of Kafka 4.3, and older ones as far back as KRaft
// was declared ready for production (3.3).
//
// # What it does not do
//
// It does not speak the quorum's protocol. The log of one voter is taken as
// committed up to its end; of several voters the last records may not have been.
package kraft

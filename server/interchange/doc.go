// Package interchange turns a log directory of Apache Kafka 4.3 into a data
// directory of this broker's, and back. Both keep the same files for records, so
// what is translated is the metadata: topics with their ids, partitions and
// configs, and how far producer ids were handed out.
//
// # Vocabulary
//
// A source is what is read: one or several log directories of one Kafka node, or
// a data directory. It is not changed, unless it is to be moved. The target must
// not exist, or be an empty directory. What is being made lies beside the target
// until it is whole, in the build, and is renamed then.
//
// A [Method] says how data come to the target. Copied files belong to it alone.
// Linked are only files that neither side ever writes to again: segments that
// are sealed and flushed. All else is copied also then. Moving links, and takes
// the source out of service once the target stands.
//
// A [Receipt] tells what was taken over and what was not, and is kept in the
// target.
//
// # Guarantees
//
// Offsets, records, leader epochs, topic ids, producer snapshots and transaction
// indexes are the source's: record data is never rewritten. What a crash of Kafka
// left is recovered as at any start of the engine. Until the rename there is no
// target, after it all of it is on stable storage; a build that a crash left is
// removed by the next attempt.
//
// What has no counterpart on the other side is named in the receipt, never
// dropped in silence. What would lose records, a partition that is missing or
// damaged, is refused.
//
// # What it does not do
//
// It does not merge clusters: a target that has topics is refused. It takes over
// one node. Topics of a larger cluster have one replica afterwards, and must have
// all their partitions on that node. It knows nothing of server.properties: what
// is not in the log directory is to be given to the broker that starts.
package interchange

// Package interchange turns a log directory of Apache Kafka 4.3 into a data
// directory of this broker's, and back. Both keep the same files for records, so
// what is translated is the metadata: topics with their ids, partitions and
// configs, and how far producer ids were handed out.
//
// # Vocabulary
//
// A source is what is read: one or several log directories of one Kafka node, or
// a data directory. It is not changed, unless it is to be moved. The target must
// not exist, or be an empty directory, whose owner and mode it gets; links in its
// path are followed, and it must not lie in the source. What is being made lies
// beside the target until it is whole, in the build, and is renamed then.
//
// A [Method] says how data come to the target. Copied files belong to it alone.
// Linked are only files that neither side writes to again: segments that are
// sealed and flushed. Only a truncation into one, by either side, or a repair, would
// change it for both. All else is copied also then. Moving links, and takes
// the source out of service once the target stands: it removes the files that were
// brought, and leaves all others, with the directories that they lie in.
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
// dropped in silence. So are files in a partition's directory that are not the
// log's, what recovery put aside above all.
//
// What would lose records is refused: a partition that is missing or damaged, one
// or a segment of one that is a link, a log that ends below its recovery point, and
// segments that do not touch where no compaction can have made the hole. That the
// first segments are missing can be told from retention only by the leader epochs
// and the log start that Kafka wrote down: it is noted. So is a hole in a compacted
// topic of several replicas, for it is copied with them. A torn end of the metadata
// log of a Kafka that was killed is noted, and refused if a whole batch lies behind
// it.
//
// What is made may be read by those only who may read the source.
//
// # What it does not do
//
// It does not merge clusters: a target that has topics is refused. It takes over
// one node. Topics of a larger cluster have one replica afterwards, and must have
// all their partitions on that node. It knows nothing of server.properties: what
// is not in the log directory is to be given to the broker that starts.
package interchange

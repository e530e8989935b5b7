// Package logstore is an embeddable, append-only log engine. It keeps its data
// in Apache Kafka's files, and needs no broker.
//
// # Vocabulary
//
// A [Store] is a directory of logs. A [Log] is one partition: records in the
// order of their offsets, which begin at 0 and never change. Records travel in
// batches, which are checked, compressed, written and read as one. A log's
// file is cut into segments; the last one is active, the others are sealed.
// Beside each lie two sparse indexes, by offset and by time.
//
// Five numbers move along a log. The start offset is the first that may be
// read. [LogEnd] is where the next record goes. [Durable] is how far the log is
// on stable storage. [HighWatermark] is how far consumers may read: in a log
// that has no replicas it follows Durable, or in [OS] mode LogEnd. [LastStable]
// is how far those may read who want nothing of a transaction before its end.
//
// A transaction of a producer begins, in a log, with its first batch there and
// ends with a [Marker], which commits or aborts it.
//
// # Use
//
// [Open] opens a store, [Store.OpenLog] a log in it, and both make what is not there.
// [Log.Append] and [Log.AppendOnce] write records, [Log.Records], [Log.Follow] and
// [Log.RecordAt] read them. Beneath lies what moves whole batches and neither copies
// nor, but for a commit, allocates: [Log.AppendLeader], [Log.AppendLeaderEach] for
// several appends with one write, [Log.Watch] and [Log.Read].
// The examples show each.
//
// What a log keeps, and how, says its [Config], which Options give it at each open.
// The default is Kafka's: what is older than seven days is deleted.
//
// # Guarantees
//
// In a [Synced] log, the default, what lies below the high watermark survives
// the loss of power: [Log.Append] returns then, and [Log.Wait] after
// [Log.AppendLeader]. Everyone who waits shares the next sync, and so do the logs
// that are written at the same time: theirs is one of a journal that all share.
// In an [OS] log it survives the end of the process only, as in Kafka.
//
// A crash leaves a prefix of what was appended, never a hole, and opening the
// store after it cuts off what is not whole. Opening twice gives the same as
// opening once. What an open found is synced before anybody can read it.
//
// A failed sync poisons the log: nothing more is acknowledged, and reads end at
// Durable, until the store is opened anew. A full disk does not: the failed
// append is taken back, and the next may succeed. Appends stop while some space is
// left, Options.ReserveBytes, so that retention and deletions can make more.
//
// Batches of an idempotent producer are appended once, however often they are
// sent, for as long as they are among its last five.
//
// Who reads below [LastStable], by [Log.Records] or with what
// [Log.AbortedTransactions] names left out, sees the records of transactions
// that were committed, all of them in this log, and none of others.
//
// # Compaction
//
// A log with Config.Compact keeps of each key the newest record, and of those the
// order and the offsets. The active segment is not compacted, nor what may still
// be lost, or aborted. A record without value is a tombstone: it removes the key,
// stays for DeleteRetentionMs after the first compaction that it went through, so
// that readers who are not further behind learn of it, and goes. [Store.Compact]
// tells who does the work.
//
// # Concurrency
//
// Everything may be called concurrently. A log has one writer at a time; reads
// take no lock, and hold on to the files they were promised until
// [Fetch.Release], whatever is rolled, truncated or deleted meanwhile. A store
// runs one goroutine for housekeeping and Options.CompactionWorkers, and others only
// while a disk is waited for: the one that commits, one for each large share of a
// commit, one that makes the journal's next file, one that has files written back before
// it is cut, one that closes files above Options.OpenFilesMax, and those of an open, of
// [Store.CreateAll], of a cut or a checkpoint, which see to some logs at a time. No log
// has one of its own, and there is none after [Store.Close].
//
// # Looking on
//
// With Options.ReadOnly a store is opened that another process has open, a program
// of this package or Apache Kafka, or that nobody closed; and the log directory of a
// Kafka, whatever its name. Nothing is written or locked. Of each log one sees
// a prefix as it was at some moment of the open, batches whole and CRCs checked: what
// was acknowledged before the open began is in it, and so may be what is not durable
// yet, or above Kafka's high watermark. Bounds do not move: open again to see more.
//
// The other process goes on to roll, retire and compact. What the open has opened
// stays readable; but the segments of a log at rest are opened when they are read,
// and an error that wraps fs.ErrNotExist tells that one is gone, or a
// *CorruptionError that a smaller one has its name: open again. After a crash one
// sees what the logs' own files hold; what only the journal does comes back with
// the next open that is not read-only, and what a loss of power left out between
// two segments looks until then as if compaction had taken it. Files of logs that were
// not at rest are open all the time, whatever Options.OpenFilesMax says.
//
// # Errors
//
// Callers branch by errors.Is. ErrOffsetRange, and all that concerns a batch, leave
// the log as it was. ErrNoSpace goes away when there is room. ErrPoisoned stays until
// the store is opened again, ErrClosed for good. A [CorruptionError] names the place;
// the rest can be read, and [Repair] mends. A log that did not open with its store, for
// want of descriptors above all, is tried again by [Store.Reopen]. One that was poisoned is not.
//
// # Cost
//
// A store of idle logs costs memory by its logs and segments, and no descriptors:
// some 2 KiB for a log of one segment. Each segment that is used has one
// descriptor, and after a crash, until there are too many, those of logs that were
// recovered; each of its two indexes a map once it is sealed, or a few KiB of heap
// if it is small. Above Options.OpenFilesMax the logs that were not used for the
// longest come to rest, and give that back until they are used again; who reads
// from them keeps what he has pinned. The index of the segment that is written is
// in memory: 8 and 12 bytes for about each Config.IndexIntervalBytes. A producer
// costs about 300 bytes until it expires. A read by [Log.Records] takes up to 256
// KiB, or the batch if that is larger; a compaction its map
// (Options.CompactionMapBytes), and while it rewrites a batch several times what
// that unpacks to, which Options.DecompressedBytesMax bounds: some 256 MiB of heap,
// and 1.6 GiB allocated in all, were measured for one of 100 MiB. On disk the
// journal takes as much as it needed at most, up to Options.JournalBytes.
//
// # Tuning
//
// Many small appends: let many wait at once, they share syncs; or append more records
// at once, which become one batch; or take [OS] and lose, with the machine, what was not
// flushed. Options.CheckpointMs bounds what an open scans after a crash. Compressed
// batches come from record.Builder. Retention and compaction work by whole segments:
// a smaller Config.SegmentBytes lets them begin sooner, and costs descriptors. More
// logs in use than Options.OpenFilesMax are opened and closed again all the time: raise
// it, and the limit of the process with it.
//
// # Watching
//
// [Store.Counters] tells what was done, [Store.Usage] what there is, and a
// [Progress] given to Open how far recovery has come, of each log that is being
// scanned. Counting allocates nothing and takes no lock. [Stat] reads from outside
// what lies in a directory, in use or not.
//
// # Damage
//
// [Check] examines a directory that nobody has open, and [Repair] mends what it
// finds, with a copy of every file before it changes. Neither trusts one file to
// tell of another.
//
// # What it does not do
//
// It does not log (see [Event]), replicate, or open sockets. It does not
// coordinate transactions across logs, nor end one that hangs. It does not check
// the CRC of what it reads for you: a [Fetch] is parts of files, for sendfile;
// [Log.Records] does check. It does not read Kafka's formats from before 0.11.
//
// Rot in a commit of the journal of which it cannot be told what it held has every log
// quarantined that was not at rest: any of them may lack what was acknowledged. A start
// after a crash holds 12 bytes of each record in the journal, and 16 of each commit, in
// memory, and 24 more of those of a log that a cut had to carry, while it is recovered;
// what bounds that is Options.JournalBytes.
//
// FORMAT.md tells what is on disk.
package logstore

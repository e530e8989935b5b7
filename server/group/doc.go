// Package group coordinates consumer groups by Kafka's classic protocol: who is
// a member, who reads what, and how far the group has come.
//
// # Vocabulary
//
// Members join a group; when all have, a generation begins. One member, the
// leader, is told of all and assigns the work; it and the others get their share
// by a sync. A member that comes, goes or falls silent begins a rebalance: the
// others join anew. A static member has an instance id, by which it is known
// again after a restart, and no rebalance is needed. A pending member was told
// its id and has not joined with it yet.
//
// # State
//
// Everything about a group lies in one partition of __consumer_offsets, by the
// hash of its id, in Kafka's record formats (see record.go). A machine holds the
// groups of one partition. It decides, and nothing else: it is handed the time,
// a journal to persist by and a function for each answer, so a test can run it
// without clock, disk or network. A shard is a machine with its lock and its
// journal, loaded from the log; [Coordinator] is all of them and the one
// goroutine that watches their deadlines.
//
// What is kept in the log is as in Kafka: the generation a leader assigned, that
// a group became empty, and committed offsets. What happens between, members
// joining above all, is in memory only: after a crash they join anew.
//
// A committed offset is visible, to its committer too, once it is below the high
// watermark. Commits of a group do not wait for one another.
//
// # What it does not do
//
// It does not look into what members say to each other, but for the topics of a
// consumer's subscription, and hands it on untouched. It knows neither the
// protocol of KIP-848 nor transactional commits.
package group

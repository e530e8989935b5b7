// Package replica holds the partitions that this broker has a copy of: their
// logs, who leads them under which epoch, and whether they are in order.
//
// [Manager.Apply] follows the cluster's metadata: it opens and creates logs,
// deletes them, hands them their configuration and moves leader epochs. It runs
// before the command that caused the change is answered, so a topic works the
// moment its creation is.
//
// Looking a partition up takes no lock and no allocation, because every
// partition of every produce and fetch does it. What a partition may be asked
// for is checked in one place: is this broker its leader, does the client's
// leader epoch fit, is the log usable. One broker has all there is to have for
// now, so nothing here follows another broker yet.
package replica

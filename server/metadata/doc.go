// Package metadata is what a cluster knows about itself: its brokers, topics,
// partitions, configs and producer id blocks, at one point of its log.
//
// An [Image] is that knowledge, and never changes. A [Record] is one change, as
// it stands in the metadata log; [Image.Apply] makes the next image out of an
// image and the records of one command. Applying is pure: the same records give
// the same image on every broker and after every start, so no clock, no
// randomness and no map order has a say in it. Deciding which records to write
// is package controller's.
//
// Images share what did not change: topics live in copy-on-write trees, so a
// command costs what it touches, not what the cluster holds.
//
// The layout of records is specified in FORMAT.md.
package metadata

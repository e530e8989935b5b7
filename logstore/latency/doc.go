// Package latency counts how long things took.
//
// A [Histogram] has fixed buckets, each twice as wide as the one before, from
// 50 µs to 6.6 s: finer than a disk's or a network's own jitter, and the same
// for every histogram, so that they can be added up and compared. Observing is
// two atomic additions; nothing is allocated and no lock is taken.
//
// It does not read a clock: whoever observes says how long it was.
package latency

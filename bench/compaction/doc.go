// Package compaction has the scenarios of how fast the engine compacts a log, and of
// how long appends to another log take meanwhile.
//
// Each turn writes a log anew, by a distribution of keys, closes it, and lets a
// bare loop, the engine and Kafka's cleaner work on it, each on files that the page
// cache holds and with one goroutine or thread. The loop reads every segment once,
// walks its records, hashes each key as cheaply as Go can, and writes all bytes to
// another file, which it syncs. The engine has to read everything twice, since it has
// to know the newest record of each key before it can drop the others, and writes
// what is left.
//
// The cleaner of Apache Kafka works on a copy of each log, in a JVM that has cleaned
// others before, with the same memory for keys and the broker's defaults otherwise.
// What is told is bytes of the log as it was for each CPU-second of the process, the
// Java one's compilers and collector included, opening and closing left out. Both must
// keep the same records, which is looked at when the second is done.
//
// Appends beside a compaction are due each at its time, whether the one before it is
// done or not, and late by the time from then on.
package compaction

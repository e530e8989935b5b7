// Command compaction measures how fast the engine compacts a log.
//
// Each block writes a log anew, by a distribution of keys, closes it, and lets a
// bare loop and then the engine work on it, both on files that the page cache
// holds and with one goroutine. The loop reads every segment once, walks its
// records, hashes each key as the engine does, and writes all bytes to another
// file, which it syncs. The engine has to read everything twice, since it has to
// know the newest record of each key before it can drop the others, and writes
// what is left.
//
// With --kafka the cleaner of Apache Kafka works on a copy of each log, in a JVM that
// has cleaned others before, with one thread, the same memory for keys, and the
// broker's defaults otherwise; the two take turns in going first. What is told is
// bytes of the log as it was for each CPU-second of the process, the Java one's
// compilers and collector included, opening and closing left out. Both must keep
// the same records.
//
// With --producer R it measures something else: how long R appends a second to
// another log of the same store take, while a log is compacted and while none is.
// Each is due at its time, whether the one before it is done or not, and late by the
// time from then on.
//
// All rates are in bytes of the log as it was. --keep leaves the compacted
// directories, for other tools to judge.
package main

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
// Both rates are in bytes of the log as it was. --keep leaves the compacted
// directories, for other tools to judge.
package main

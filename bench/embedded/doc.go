// Package embedded is the scenario of what a program pays that embeds a log, without
// any broker: the engine beside the least that such a log can cost, and beside other
// libraries.
//
// The first rows are of the batch-level API in os mode: batches that were encoded
// beforehand are appended, beside a loop that computes the CRC-32C of the same bytes
// and writes them with one pwrite each.
//
// The others are records in, records out: 1 KiB each, appended one by one and 64 at a
// time, with and without syncs, from one goroutine and from 16 at once; read from the
// first to the last, and by number, anywhere and among the newest; and the open of a
// log that is there, until it can be appended to and its newest record was read. The
// engine is in the rows of reading twice, since its batches are as large as they were
// appended: as "moldau", whose records were appended one by one, and as "moldau-64".
//
// A block that appends has a new log, and is over after so many records or so much
// time. Logs that are read were written beforehand and lie in the page cache. Of
// rosedb's wal there is no adapter: its module could not be had.
package embedded

// Package recovery is the scenario of how soon the engine is back, without a broker:
//
//   - kill: after kill -9 with much data on disk and some of it not yet flushed,
//     all from a cold disk, as it is and with a torn write at the end of each log,
//     beside a bare loop that reads exactly what was not flushed and checks the
//     CRC-32C of each batch;
//   - clean: after a clean close of many logs with many segments, warm and cold;
//   - scan: one log that was never flushed, from the page cache, beside the same
//     loop.
//
// What writes, what opens and what loops are processes of their own. A writer
// flushes what lies before, appends durably, and is killed; so each block has
// its own bytes to recover, whatever an open does about those before. An open
// ends when every log has planned a read of its last record, and fails the run
// if a log does not end where it was acknowledged.
package recovery

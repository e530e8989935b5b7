// Package result is what the benchmark harness leaves: figures of blocks, kept in
// one file for each run, from which every table, plot and comparison is made.
//
// A run has rows, one for each workload. A row has a series for each system that
// did the work, be it a broker, a library or a limit program, which does only what
// cannot be left out. A series has blocks. Blocks of the same turn ran one after
// the other, so that ratios are formed within a turn and what drifts hits both
// sides alike.
//
// Every row names what an acknowledgement meant: acks, idempotence and durability.
// A metric's name ends in its unit, as Go's benchmarks have it.
package result

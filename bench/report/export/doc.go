// Package export writes a run's figures in formats that other programs read:
//
//   - HdrHistogram logs (.hlog) and the percentile text of
//     outputPercentileDistribution, a file for each row and system. Values in logs
//     are microseconds, in the text milliseconds.
//   - JSON with the field names of the OpenMessaging Benchmark's results, a file for
//     each row and system. A point of its arrays is a block. Fields for which a run
//     has no figure are left out rather than filled with zeros.
//   - Go benchmark lines for benchstat, a line for each block.
package export

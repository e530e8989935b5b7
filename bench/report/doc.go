// Package report writes runs into a directory, for people and for programs: a page
// that stands alone, its plots as files of their own, and the formats of package
// export.
//
//	index.html        environment, method, tables, plots, goals; no script, no
//	                  reference to anything outside it
//	plots/            the same plots, as SVG
//	latency/          HdrHistogram logs and percentile text, by row and system
//	openmessaging/    results in the OpenMessaging Benchmark's words
//	benchstat.txt     Go benchmark lines
//
// It reads nothing but run.json files, so that a report can be made again, and by
// others. Files are numbered by row, from all runs.
package report

// Package dumplog lets Kafka's DumpLogSegments judge partition directories.
//
// The tool was made to be read by people: it prints what is wrong and exits 0.
// This package knows what a fault looks like in what it prints, on standard
// output and standard error, and makes sure that every file was looked at: an
// exception ends the tool in the middle of its list, so the rest is given to a
// new one.
//
// It judges directories of a broker that is not running. A live or killed
// broker's active segment may end in a torn batch, which is a finding here.
package dumplog

// Package memory tells how much memory a call takes, cheaply enough to be asked in
// every execution of a fuzz target.
//
// It counts what is allocated, freed or not, by the runtime's own metric, and so by
// every goroutine: targets that use it run one thing at a time. It does not measure
// resident memory.
package memory

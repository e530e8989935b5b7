// Package scale is the scenario of a store of very many logs, without a broker: how
// long it takes to open after a clean close, what heap it takes then, and the rate of
// appends to few of its logs beside the rate to many, both in every block.
//
// The logs are made without syncs, by a file system that leaves them out: what is
// measured begins when they are there.
package scale

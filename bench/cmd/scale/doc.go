// Command scale measures a store of very many logs, in one run: how long it takes
// to open after a clean close, what heap it takes then, and the rate of appends to
// few of its logs beside the rate to many, in alternating blocks.
//
// The logs are made without syncs, by a file system that leaves them out: what is
// measured begins when they are there.
package main

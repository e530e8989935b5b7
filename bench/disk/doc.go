// Package disk is what measurements of the engine without a broker share:
// what its journal tells, and the disk below it.
//
// It changes the machine where it says so: DropCaches empties the page cache of
// everybody.
package disk

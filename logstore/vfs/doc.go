// Package vfs is the seam between the engine and the file system.
//
// [OS] is the real one. [Mem] keeps a tree in memory and can lose power: what
// was not synced is gone, directory entries included. [Fault] wraps either and
// injects errors, short writes and a stop at a chosen operation. The engine
// reaches disks only through this package, so every ordering rule it claims
// can be broken on purpose in a test.
package vfs

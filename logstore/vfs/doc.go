// Package vfs is the seam between the engine and the file system.
//
// [OS] is the real one. [Mem] keeps a tree in memory and can lose power: what
// was not synced is gone, directory entries included. [Fault] wraps either and
// injects errors, short writes and a stop at a chosen operation. The engine
// reaches disks only through this package, so every ordering rule it claims
// can be broken on purpose in a test.
//
// A file is durable in two parts, which are two syncs: its bytes and length by
// [File.Sync], its name by [FS.SyncDir] of the directory that holds it. To
// crash a workload at its nth operation, run it on a Fault over a Mem, return
// [ErrCrashed] from the hook, and go on with what [Mem.Crash] returns.
//
// There is no caching, no retry after a failed sync, and no walk over trees
// here: those are the engine's decisions. Neither does Mem tear a sector or
// reorder what was not synced; it loses all of that.
package vfs

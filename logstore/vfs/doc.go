// Package vfs is the seam between the engine and the file system.
//
// [OS] is the real one. [Mem] keeps a tree in memory, may be full, and can lose
// power: [Mem.Crash] drops all that was not synced, directory entries included,
// [Mem.CrashPartly] some of it, in any order. [Fault] wraps either and injects
// errors, short writes, hanging operations and a stop at a chosen one. The
// engine reaches disks only through this package, so every ordering rule it
// claims can be broken on purpose in a test.
//
// A file is durable in two parts, which are two syncs: its bytes and length by
// [File.Sync], its name by [FS.SyncDir] of the directory that holds it. To
// crash a workload at its nth operation, run it on a Fault over a Mem with
// [CrashAt] as the hook, and go on with what the Mem's crash returns. To try
// many crashes of one run, crash a [Mem.Clone] in the hook.
//
// There is no caching, no retry after a failed sync, and no walk over trees
// here: those are the engine's decisions.
package vfs

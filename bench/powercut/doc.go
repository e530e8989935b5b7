// Command powercut cuts the power of the engine, again and again, on a real file
// system, and looks for what should have survived. bench/powercut/run builds and
// starts it.
//
// # What it does
//
// A store lives on an ext4 of its own, on a loop device over a file. A worker, a
// process of its own, opens it, tells the parent all it finds, and puts it under
// load: logs of several kinds, each with a few producers, idempotent ones with
// batches in flight, while logs roll, are truncated, deleted and made anew. All
// is told to the parent over a pipe: an attempt before it is made, what came of
// it afterwards. At a random moment the parent shuts the file system down
// (EXT4_IOC_SHUTDOWN without flushing its journal), kills the worker, unmounts,
// mounts, and starts the next worker on what is left. The store goes on living,
// so what one recovery did is under test in the next.
//
// # What must hold
//
// What was acknowledged is there, at its offset. Nothing is there that was not
// attempted, or that was truncated or deleted and acknowledged to be. Offsets
// have no holes; no batch is there in part or twice; the batches of a producer
// are there in order, without one left out. What an open found counts as
// acknowledged from then on, so kill, open, read and a power cut lose nothing
// that was read, and opening twice gives the same. A resent batch is a duplicate,
// at its offset, exactly if it was found. No append fails while there is power,
// no log is left unopened, and logstore.Check finds no fault in what a cut left.
//
// An acknowledgement counts if the parent has read it before the cut. A later one
// is only counted: ext4 may let a sync that runs into the cut return without an
// error.
//
// # The moments
//
// Under load, after 5 to 150 ms; the moment an acknowledgement of a chosen kind
// is read; while the store is being opened; the moment it is open; after a clean
// close. Some cycles kill the worker only, and the page cache stays. While a
// worker runs, random ranges of its files are written back, so pages reach the
// disk in any order.
//
// # What it does not do
//
// What reached the loop device is never lost: a write cache in a disk, which
// loses what was not flushed although it was written, is not modelled, and no
// sector is torn. Neither is a run repeatable by its seed: it fixes what is
// drawn, not how goroutines are scheduled.
//
// Linux and root are needed, but for --kill-only, which leaves the page cache
// alone and works in a plain directory.
package main

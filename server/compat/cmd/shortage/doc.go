// Command shortage lets a running broker want for something, on a real kernel: a
// file system of its own that fills up or stands still, a process that may open
// no more files. What can be served must be, what cannot must be refused by an
// error that clients retry by, nothing acknowledged may be lost, and all must
// work again when the want is over, without a restart.
//
// It needs root: it makes a loop device, mounts and freezes it, and changes the
// limits of a process.
package main

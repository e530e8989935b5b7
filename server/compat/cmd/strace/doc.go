// Command strace watches the broker's system calls to show what its counters
// and tests only claim: that a synced log syncs between writing a batch and
// answering for it, and that fetched bytes leave by sendfile.
package main

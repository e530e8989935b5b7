// Package nowait makes system calls that do not wait, for a peer or for a disk,
// without telling Go's runtime of them.
//
// The runtime is told of the calls of packages syscall and unix that may wait, so
// that somebody else can have the processor if one does. After each wait of the whole
// program the first such call also wakes the runtime's monitor thread, which then
// looks around every 20 us for a while. In a program that mostly waits for small
// requests that is a fifth of all CPU time.
//
// The price: until such a call has returned, nothing takes its processor away, so
// calls of more than [BytesMax] bytes are told of; and while none is told of, the
// monitor may sleep, and does not preempt who computes for long. Whoever makes many
// of these calls in a row has to make one of the others now and then.
//
// There is nothing here but for Linux.
package nowait

// BytesMax is the most that a call moves of which the runtime is not told: tens of
// microseconds, over loopback more, where a sender does the receiver's part as well.
const BytesMax = 128 << 10

// Package history checks what a log holds against what its producers were told.
//
// Every value is unique: it names its producer, its partition and its place in
// that producer's sequence for the partition. So a check is one pass over the
// log: nothing acknowledged may be missing, nothing may be there twice, and a
// producer's records must stand in the order in which they were sent. What was
// not acknowledged may be there or not, once.
package history

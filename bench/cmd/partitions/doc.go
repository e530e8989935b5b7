// Command partitions measures a broker that has very many partitions: how long it
// takes to create them, in topics of a hundred and in one topic, and to acknowledge
// a first batch to every one; what they take of memory; how long a clean close and
// the next start take; and at which rate they are produced to, beside a broker of a
// hundred partitions in alternating blocks of the same number of bytes.
//
// Brokers are processes of their own, each on a new directory. Heap is what lives
// after a collection, by the broker's own metrics; resident is the system's.
package main

// Package atscale has the scenarios about what a broker costs by what it holds
// rather than by what it does: partitions, connections, consumers of one log, and
// being there at all.
//
// Each block starts a broker of its own on an empty directory, so that memory and
// first times are those of the block. Kafka is therefore not compiled as well as in
// other scenarios: where a rate is told, it is a ratio within the block.
package atscale

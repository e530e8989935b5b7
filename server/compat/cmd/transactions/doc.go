// Command transactions compares what Kafka and Moldau's engine hold of the same
// transactions, both ways: Kafka's dump tool reads the transaction indexes and
// producer snapshots that the engine wrote, and the engine opens what a Kafka
// left, killed and closed cleanly, and has to come to the last stable offset and
// the aborted transactions that Kafka's Fetch told of.
package main

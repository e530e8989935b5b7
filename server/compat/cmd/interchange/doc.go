// Command interchange takes a real Kafka's log directory over into a data
// directory of Moldau's and back, by "moldau log import" and "moldau log export",
// and asks the broker that starts there for everything the one before held:
// topics with ids and configs, every batch byte for byte with its leader epoch,
// start, end and last stable offsets, aborted transactions, groups' committed
// offsets. Then it lets clients go on there.
//
// A topic that Moldau has compacted is read to its end from Kafka, record for record
// what Moldau had, and Kafka's own cleaner goes over it once more: it leaves some of
// what it was given, as it was, and has nothing to say.
package main

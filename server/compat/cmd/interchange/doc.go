// Command interchange takes a real Kafka's log directory over into a data
// directory of Moldau's and back, by "moldau log import" and "moldau log export",
// and asks the broker that starts there for everything the one before held:
// topics with ids and configs, every batch byte for byte with its leader epoch,
// start, end and last stable offsets, aborted transactions, groups' committed
// offsets. Then it lets clients go on there.
package main

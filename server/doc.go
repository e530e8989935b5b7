// Package server is a broker: it wires the storage engine, the cluster's
// metadata, the replicas and the wire together, opens them in order and closes
// them in reverse. What a broker does is in the packages below it.
//
// # On disk
//
// Under [Config.DataDir]:
//
//	logs/                  a Kafka log directory and nothing else
//	moldau/metadata/logs/  the metadata log, in a store of its own
//
// Both are locked while the broker runs. The lock on logs is Kafka's own, so a
// Kafka on the same directory and this broker exclude each other.
package server

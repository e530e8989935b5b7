// Package broker starts, kills and stops the broker under test, Moldau or the
// real Apache Kafka, as a process of its own on 127.0.0.1.
package broker

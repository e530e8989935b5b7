// Command suite meets a broker with confluent-kafka-go, a modern librdkafka:
// records in every codec, groups under each protocol, seeking, committed
// offsets, and its admin client.
//
//	MOLDAU_BROKER=HOST:PORT suite
//
// It reports as package moldau/server/compat/suite says.
package main

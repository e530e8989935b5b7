// Command sarama meets a broker with IBM/sarama: records in every codec, groups
// whose members come and go, committed offsets, and its admin client.
//
//	MOLDAU_BROKER=HOST:PORT sarama
//
// It reports as package suite says.
package main

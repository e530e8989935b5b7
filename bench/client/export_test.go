package client

// For tests.
var (
	ParseProducerPerformance = parseProducerPerformance
	ParseConsumerPerformance = parseConsumerPerformance
)

// Package ontime has the scenarios whose requests are due at times fixed
// beforehand, whatever the broker does (package pace): latency at shares of what
// Kafka can do, end to end, beside a consumer that reads what is not in memory,
// and over a long time with retention at work.
//
// Every block tells how late its requests were sent. Where that is not well below
// the latencies, they are the client's, or the machine's.
package ontime

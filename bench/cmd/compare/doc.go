// Command compare measures Moldau beside a real Apache Kafka in one run:
// alternating blocks of the same load, the broker on one core and its client on
// another, the broker's CPU time for a GB, throughput and latency.
package main

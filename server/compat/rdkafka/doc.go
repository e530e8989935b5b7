// Command rdkafka is an idempotent producer on a modern, statically linked
// librdkafka. It is a module of its own because it needs cgo.
//
//	rdkafka BOOTSTRAP TOPIC NAME PARTITIONS RECORDS_PER_SECOND
//
// It produces until its standard input ends, waits for every answer and tells
// of each record on standard output; package producers specifies the lines.
package main

// Package producers runs idempotent producers of different makes beside one
// another: Apache's Java client and librdkafka as processes, franz-go in this
// one. Each sends a sequence to every partition, package history's values, and
// tells of every record:
//
//	A PARTITION SEQUENCE OFFSET   acknowledged
//	F PARTITION SEQUENCE REASON   failed for good
//	E REASON                      the client calls itself broken
//	T PARTITION COUNT             at the end: how many records were sent
//
// A process takes BOOTSTRAP TOPIC NAME PARTITIONS RECORDS_PER_SECOND and stops
// sending when its standard input ends.
package producers

// Command dump lets Kafka's DumpLogSegments judge directories that hold Kafka's
// files: partition directories, or log directories with partitions in them.
package main

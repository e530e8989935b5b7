// Package differential gives the same batches to our reader and to Apache Kafka's, and
// holds that both accept or both refuse them, and read the same. Where they differ by
// intent the difference is listed with its reason, and counted.
//
// It needs Java and Kafka's client, so it is run by its own script: run, which says
// how. Without it the test does nothing.
package differential

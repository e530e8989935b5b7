// Command tools runs foreign clients and Kafka's own tools against a broker and
// looks at what they really did: records read back, offsets, configs, sizes.
// It knows nothing of the broker; a real Apache Kafka passes as well, which is
// how the checks themselves are proven.
package main

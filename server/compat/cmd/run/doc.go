// Command run runs foreign suites, each against a fresh broker of its own, and
// ends with one table. Package suite says what a suite is.
//
//	run [--kafka] [--keep] [--timeout D] [quick|all|NAME...]
//	run --list
//
// It exits 1 if a test failed that is not pinned, a pinned one passes, the
// broker ended or would not close, or "moldau log verify" finds fault with what
// it closed. --kafka runs the same suites against the pinned Apache Kafka: what
// fails there as well is a suite's own trouble. Kafka may pass what is pinned.
package main

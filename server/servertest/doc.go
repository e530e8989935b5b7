// Package servertest runs a broker inside a Go test: a real one, on a free port
// of the loopback interface and in a temporary directory, gone when the test
// ends. It serves this project's tests and those of programs that talk to a
// broker.
package servertest

// Command limit runs the limit programs as processes of their own, so that they
// can be pinned, and their CPU time read, like a broker's. It prints the address
// it listens on and runs until it is interrupted.
package main

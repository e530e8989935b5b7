// Command embedder appends its arguments to a log in a directory, and prints the
// log. It is what a program of another module looks like that embeds logstore: its
// go.mod has the engine's dependencies only.
package main

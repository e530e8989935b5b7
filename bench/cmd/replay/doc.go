// Command replay loads a broker and prints one line of JSON: how much, how
// fast, and how long a request took. It is a process of its own so that it can
// be pinned to another core than the broker.
package main

// Command kill9 kills a broker under load, again and again, and then looks for
// every record that a client was told was stored.
package main

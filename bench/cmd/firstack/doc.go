// Command firstack measures how long it takes from starting the broker's binary
// on an empty directory until the first record is acknowledged as stored.
package main

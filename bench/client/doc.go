// Package client loads a broker from a process of its own, so that it can be pinned
// to another core and its CPU time told from the broker's. A client is this very
// binary, started again with the hidden command "client"; it takes a Load and
// prints an Outcome, both as JSON.
//
// Two kinds of client: the replay client, which sends requests that were encoded
// beforehand and costs next to nothing, and franz-go as it comes.
package client

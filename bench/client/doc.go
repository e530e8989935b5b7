// Package client loads a broker from a process of its own, so that it can be pinned
// to another core and its CPU time told from the broker's. A client is this very
// binary, started again with the hidden command "client"; it takes a Load and
// prints an Outcome, both as JSON.
//
// The replay client sends requests that were encoded beforehand and costs next to
// nothing. The others are what users have, as they come: franz-go, Apache's own Java
// client, and nats.go, which speaks to NATS JetStream by NATS's protocol.
package client

// Package overwire has the scenarios that load a broker over its protocol: produce
// and fetch, with the replay client, which shows the broker, and with standard
// clients, which show what a user sees; and both beside NATS JetStream, which speaks
// a protocol of its own.
//
// A block of a produce row writes to a topic of its own, which is deleted after it; a
// block of a fetch row reads one that was filled once, from the page cache. Where the
// replay client is at work, limit programs take turns with the brokers, and Moldau's
// CPU time for a request has a budget: theirs in the same turn, and a few us.
package overwire

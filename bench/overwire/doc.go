// Package overwire has the scenarios that load a broker over its protocol: produce
// and fetch, with the replay client, which shows the broker, and with franz-go,
// which shows what a user sees.
//
// A block of a produce row writes a topic of its own, which is deleted after it; a
// block of a fetch row reads one that was filled once, from the page cache.
package overwire

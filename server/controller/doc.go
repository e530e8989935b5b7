// Package controller decides what happens to the cluster: which topics come
// and go, where partitions live, which configs hold.
//
// Every command takes three steps, always in this order. It is decided against
// the newest image, as records; the records of one command are made durable as
// one batch of the metadata log; only then are they applied, subscribers are
// told, and the caller is answered. Nothing that is not durable is ever
// visible, and a crash between two steps leaves either the whole command or
// nothing of it.
//
// One goroutine runs commands one after the other, so no decision is made on
// an image that another command is about to replace. Reading is lock-free.
//
// [Journal] is where commands become durable: today a log of our own engine
// under one broker, later a raft log under several. What is decided and how it
// is applied does not know the difference.
package controller

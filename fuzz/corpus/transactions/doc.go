// Command transactions makes a store with a log of transactions, written by the
// engine: the broker has no coordinator that could.
//
//	transactions DIRECTORY
package main

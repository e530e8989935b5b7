// Package driver is what the commands share that put a broker through
// something and count the faults: their common flags, and how they end.
package driver

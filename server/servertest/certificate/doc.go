// Package certificate makes certificates for tests and benchmarks.
//
// They are their own authority, for host names and addresses that the caller names, and
// good for a year; their keys are of ECDSA P-256 and in no file unless the caller writes
// one. No broker trusts or shows one by itself.
package certificate

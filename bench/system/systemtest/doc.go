// Package systemtest plans scenarios of brokers without starting any, for the tests
// of those scenarios.
package systemtest

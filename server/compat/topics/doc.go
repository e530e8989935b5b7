// Package topics makes topics on a broker under test and asks where they end and what they hold.
package topics

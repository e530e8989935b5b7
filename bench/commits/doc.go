// Package commits is the scenario of how many offset commits a second Moldau and a
// real Apache Kafka take, and what they cost the broker. Members of stable groups
// commit, so that every commit's generation is checked; requests are encoded
// beforehand.
package commits

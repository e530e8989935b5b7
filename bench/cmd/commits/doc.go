// Command commits measures how many offset commits a second Moldau and a real
// Apache Kafka take, and what a thousand of them cost the broker, in alternating
// blocks of one run. Members of stable groups commit, so that every commit's
// generation is checked; requests are encoded beforehand.
package main

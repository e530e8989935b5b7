// Package configs is the table of configs: for every topic and broker config
// of Apache Kafka 4.3 its name, type, default, bounds and meaning, what Moldau
// does with it, and two configs of Moldau's own.
//
// # Where a value comes from
//
// A topic's value is its own override, or that of the first of these layers
// which has one: this broker's settings made at run time, those made for all
// brokers, the file or command line the broker was started with, the default.
// Below the topic a config goes by its broker names, of which some have two or
// three in different units: log.retention.ms, .minutes, .hours. Within one
// layer the finer unit wins. [Layers] holds the layers.
//
// # What is shown
//
// No entry lies. [Key.Effect] says whether Moldau acts on a config, only keeps
// it for a feature to come, or has one value for it and refuses others. Where
// to accept a value would put data at risk or silently change nothing a user
// can see otherwise, it is refused. Broker configs of Kafka that tune machinery
// Moldau does not have are not shown at all; absent.go lists each with its
// reason. A config that Kafka can change at run time and Moldau reads at its
// start only is shown as read-only.
package configs

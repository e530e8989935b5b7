// Package system starts what is measured over the wire, each as a process of its
// own: Moldau, Apache Kafka as it comes and tuned, NATS JetStream, and the limit
// programs, which do only what cannot be left out.
//
// They are started when a scenario first asks for them and run to the end of the
// session: an idle broker costs little, a JVM that is started again costs what it
// has to compile again. A JVM is warmed up when it is started, until a round of
// produce and fetch gets no cheaper. Durability is a topic's, so that one process
// serves both; but NATS's, of which there is one for each.
package system

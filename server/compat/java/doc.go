// Package java runs the classes of the pinned Apache Kafka.
package java

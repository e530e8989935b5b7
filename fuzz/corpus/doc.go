// Package corpus hands fuzz targets the files that they start from: files of
// partitions, and what lies beside them, as they were written by Apache Kafka of
// several versions and by Moldau, and some made by hand. README.md in files tells
// where each comes from, and how all are made anew.
//
// Whoever has files of his own points the environment at a directory of them
// ([Directory]): a data directory of Kafka's or Moldau's will do. What fits a
// target by its name is fuzzed too.
package corpus

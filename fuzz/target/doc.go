// Package target is what fuzz targets have in common: a [Target] is a function of two
// runs of bytes, an artefact and a program that changes it, and where it starts from.
// It is run by Go's fuzzer ([Target.Fuzz]), which is guided by coverage, and blindly
// ([Soak]), which finds less an execution and does many times as many.
//
// # Counting
//
// Each execution is counted by how far it came ([Class]): whether it fell at a
// header's checksum, was refused for what is behind it, or was accepted. A target
// whose executions mostly fall early tests a checksum and little else.
//
// The fuzzer runs targets in worker processes, which it may kill. Each writes its
// counts into a file of its own in the directory that the environment names
// ([TallyDirectory]), every few thousand executions and at the end; fuzz/run adds
// them up ([Read]). Without the variable nothing is written.
package target

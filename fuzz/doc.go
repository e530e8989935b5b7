// Command fuzz runs the fuzz targets of this repository, one after the other or one
// alone, and tells of each how many executions there were, how many came past a
// header, how much of the code they reached, and what they found. README.md beside it
// tells how to use it, and how to add a target.
//
// # Vocabulary
//
// A target is a Fuzz function. Its seeds are what it starts from; its corpus are the
// inputs that Go's fuzzer has found to reach something new, which lie in Go's cache.
// A finding is an input that breaks an invariant. It is kept under testdata/fuzz of
// the target's package, where each go test runs it from then on.
//
// A guided run is Go's: it watches which code an input reaches. A blind run does not,
// costs a fraction, and starts from what guided runs have found.
//
// # What lies where
//
//   - target: what targets have in common, and counting
//   - mutate: artefacts of the formats, changed as a program says, with checksums that hold
//   - naive: slow and simple readers of the formats, to compare with
//   - corpus: the files that targets start from, and what makes them
//   - memory: how much a call takes
//   - storage: the targets of the engine
//   - differential: batches read by us and by Apache Kafka
//   - mutants: planted bugs that these must catch
//
// Some targets lie beside the packages whose insides they need; all are found.
package main

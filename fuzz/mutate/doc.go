// Package mutate changes artefacts of the storage formats as a program says, and
// then makes their lengths and checksums true again, so that what is behind a
// checksum gets fuzzed too.
//
// A [Program] is a run of bytes that is read as instructions. The fuzzer owns it
// and the artefact, and changes both as it pleases: any bytes are a program, and
// every change of them is a small change of what it does. What a program wants to
// be broken stays broken: a checksum, a length, a magic number.
//
// Nothing here is random: the same bytes give the same artefact.
package mutate

// Package naive reads the storage formats slowly and simply: it is what fuzz
// targets compare the engine with. It was written from the drawings in FORMAT.md
// and record/doc.go, shares no code with the engine, keeps no index and no state,
// and reads from the first byte whenever it is asked.
//
// It allocates what it pleases, so it is of no use outside tests.
package naive

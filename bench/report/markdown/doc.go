// Package markdown keeps the generated parts of BENCHMARKS.md.
//
// A part lies between two lines, and holds one scenario:
//
//	<!-- begin produce -->
//	<!-- end produce -->
//
// [Regenerate] writes the parts of scenarios that a run has, or several runs that
// measured different rows of it, or some of them again. What is outside, and parts of
// scenarios that no run has, stay byte for byte: figures leave the file only when there
// are newer ones. The part called overview is made of the others.
package markdown

// Package yardstick is what comparisons measure by: a process's CPU time, the
// machine it ran on, medians, and a file that keeps what was read.
package yardstick

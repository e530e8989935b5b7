// Package yardstick is what comparisons measure by: a process's CPU time, the
// machine it ran on, and medians.
package yardstick

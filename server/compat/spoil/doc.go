// Package spoil damages files of a partition in known ways, to show that those
// who check them find it.
package spoil

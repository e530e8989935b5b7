//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package index

import (
	"os"

	"github.com/edsrzf/mmap-go"
)

// mapReadOnly maps the first n bytes of f. ok is false where it could not, for
// instance beyond the system's number of mappings.
func mapReadOnly(f *os.File, n int) (data []byte, ok bool) {
	m, err := mmap.MapRegion(f, n, mmap.RDONLY, 0, 0)
	return m, err == nil
}

// unmap takes exactly what mapReadOnly gave.
func unmap(data []byte) error {
	m := mmap.MMap(data)
	return m.Unmap()
}

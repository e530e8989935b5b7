//go:build !linux

package vfs

// writevAt writes buffer by buffer. Of the other systems some have pwritev,
// but none is one to run a broker on for its speed.
func writevAt(f *osFile, bufs [][]byte, off int64) (n int, err error) {
	for _, b := range bufs {
		wrote, err := f.f.WriteAt(b, off+int64(n))
		n += wrote
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

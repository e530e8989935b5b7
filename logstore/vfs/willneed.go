package vfs

// WillNeed has the system begin to read bytes of a file from an offset on, 0 for all
// behind it. It waits until they are asked for, not until they are there. Where it
// cannot, nothing is lost.
func WillNeed(f File, off, bytes int64) {
	if file := f.OSFile(); file != nil {
		willNeed(file, off, bytes)
	}
}

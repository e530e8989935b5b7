package vfs

// WillNeed has the system begin to read a file that will be read from its
// beginning to its end, and waits for nothing. Where it cannot, nothing is lost.
func WillNeed(f File) {
	if file := f.OSFile(); file != nil {
		willNeed(file)
	}
}

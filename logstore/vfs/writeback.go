package vfs

// WriteBack has the system begin to write the first bytes of a file to the disk, as
// many as are given. It waits until they are on their way, not until they are there,
// and promises nothing. What fails later the file's next Sync tells; what fails at once
// is returned, and may not be told again. Where the system has no such call, nothing is
// done.
func WriteBack(f File, bytes int64) error {
	if file := f.OSFile(); file != nil && bytes > 0 {
		return writeBack(file, bytes)
	}
	return nil
}

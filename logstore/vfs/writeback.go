package vfs

// WriteBack has the system begin to write the first bytes of a file to the disk, as
// many as are given. It waits until they are on their way, not until they are there,
// and promises nothing. What fails later the file's next Sync tells. What fails at once
// is returned, and may not be told again, so it is to be taken for a Sync that failed.
// Where the system cannot do it nothing is done, and nothing lost.
func WriteBack(f File, bytes int64) error {
	file := f.OSFile()
	if file == nil || bytes <= 0 {
		return nil
	}
	return writeBack(file, bytes)
}

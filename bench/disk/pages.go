package disk

import (
	"errors"
	"os"
	"path/filepath"
)

// WarmPages has the machine's next pages of the page cache be such as were in use a
// moment ago: it writes a file of so many bytes in dir and removes it. Free memory that
// was not in use for two seconds may go back to a virtual machine's host, and then costs
// five to eight times the CPU time that writing to it does, which would hit whoever
// comes after a pause, and spare whoever comes after somebody's files were deleted.
func WarmPages(dir string, bytes int64) error {
	f, err := os.Create(filepath.Join(dir, "pages"))
	if err != nil {
		return err
	}
	piece := make([]byte, 1<<20)
	for ; bytes > 0 && err == nil; bytes -= int64(len(piece)) {
		_, err = f.Write(piece)
	}
	return errors.Join(err, os.Remove(f.Name()), f.Close())
}

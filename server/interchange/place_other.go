//go:build !unix

package interchange

import "io/fs"

// renamesOpen tells that a directory can be renamed while files in it are open.
const renamesOpen = false

// keepOwner does nothing: a directory has the owner that its parent gives it.
func keepOwner(string, fs.FileInfo) error { return nil }

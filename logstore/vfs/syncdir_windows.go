package vfs

import "os"

// syncDir does nothing: Windows has no way to flush a directory, NTFS journals
// its entries in order.
func syncDir(*os.File) error { return nil }

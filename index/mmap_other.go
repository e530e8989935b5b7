//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package index

import "os"

// mapReadOnly maps nothing: Windows neither renames over nor cuts a file that
// is mapped, and the engine does both.
func mapReadOnly(*os.File, int) (data []byte, ok bool) { return nil, false }

func unmap([]byte) error { return nil }

package vfs

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cachedBytesMax is the longest read that is tried without telling the runtime:
// copying it takes a few microseconds, during which nothing else runs on the
// processor that the goroutine has.
const cachedBytesMax = 64 << 10

// cachedRead is one preadv2 that never waits for a disk, pooled with its closure as
// pwritevCall is.
type cachedRead struct {
	part unix.Iovec
	off  int64
	n    int
	err  unix.Errno
	run  func(fd uintptr)
}

var cachedReads = sync.Pool{New: func() any {
	c := new(cachedRead)
	c.run = func(fd uintptr) {
		// The runtime is not told, as it has to be of calls that may wait: after each
		// wait of the whole program the first such call wakes its monitor thread, which
		// costs more than this read does.
		n, _, err := unix.RawSyscall6(unix.SYS_PREADV2, fd, uintptr(unsafe.Pointer(&c.part)), 1,
			uintptr(c.off), uintptr(uint64(c.off)>>32), unix.RWF_NOWAIT)
		c.n, c.err = int(n), err
	}
	return c
}}

// readCached reads the beginning of p as far as the page cache has it at once. What
// it leaves, be it that the disk has it, that the file ends, or an error, is for a
// read that may wait to find out.
func (f *osFile) readCached(p []byte, off int64) int {
	if len(p) == 0 || len(p) > cachedBytesMax || off < 0 || f.waits.Load() {
		return 0
	}
	c := cachedReads.Get().(*cachedRead)
	c.part.Base, c.off, c.n, c.err = &p[0], off, 0, 0
	c.part.SetLen(len(p))
	closed := f.control(c.run)
	runtime.KeepAlive(p)
	n, err := c.n, c.err
	c.part.Base = nil
	cachedReads.Put(c)
	switch {
	case closed != nil:
		return 0
	case err == unix.ENOSYS || err == unix.EOPNOTSUPP || err == unix.EINVAL:
		f.waits.Store(true)
		return 0
	case err != 0:
		return 0
	}
	return n
}

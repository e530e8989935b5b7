package vfs

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

const (
	// missesTold reads of a file wait without a try, after one that was tried in vain:
	// a try begins what it does not find, which takes long where the disk is busy.
	missesTold = 32
	// triesTold is how many reads of a file are tried before one is not: the runtime
	// shall hear of somebody who reads and reads.
	triesTold = 64
	// neverTried is a countdown that does not count.
	neverTried = math.MinInt32
)

// cachedRead is a read of what the page cache has, pooled with its closure as
// pwritevCall is.
type cachedRead struct {
	p   []byte
	off int64
	n   int
	err error
	run func(fd uintptr)
}

var cachedReads = sync.Pool{New: func() any {
	c := new(cachedRead)
	c.run = func(fd uintptr) { c.n, c.err = nowait.Pread(fd, c.p, c.off) }
	return c
}}

// readCached reads the beginning of p as far as the page cache has it at once. What
// it leaves, be it that the disk has it, that the file ends, or an error, is for a
// read that may wait to find out.
func (f *osFile) readCached(p []byte, off int64) int {
	if len(p) == 0 || len(p) > nowait.BytesMax || off < 0 {
		return 0
	}
	if n := f.untried.Load(); n != 0 {
		if n > 0 {
			f.untried.CompareAndSwap(n, n-1)
		}
		return 0
	}
	if f.tries.Add(1)%triesTold == 0 {
		return 0
	}
	c := cachedReads.Get().(*cachedRead)
	defer cachedReads.Put(c)
	c.p, c.off, c.n, c.err = p, off, 0, nil
	closed := f.control(c.run)
	c.p = nil
	if closed != nil {
		return 0
	}
	switch c.err {
	case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL, unix.EPERM:
		f.untried.Store(neverTried)
	}
	if c.n < len(p) {
		f.untried.CompareAndSwap(0, missesTold)
	}
	return c.n
}

// forgoTimes has reads of the file not note the time, for which they would have to
// wait for the file system's journal. Only its owner may ask for that: of another's,
// no read is tried. It is asked for after opening: what was created with that flag,
// and belongs to another at once, would be there and not open.
func (f *osFile) forgoTimes() {
	var err error
	if f.control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETFL, unix.O_NOATIME) }) != nil || err != nil {
		f.untried.Store(neverTried)
	}
}

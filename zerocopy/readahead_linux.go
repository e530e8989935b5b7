package zerocopy

import (
	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

// aheadStep is the most that one call asks the disk for: the system cuts what is longer.
const aheadStep = 1 << 20

// readAhead asks the disk for what is sent next, in steps of half of what may be asked
// for ahead.
//
// The system reads ahead too once a page is missing, by the device's setting, for each
// file alone: 128 KiB on most machines, which a disk that is far away serves slowly, and
// 8 MiB on others. Those who read six partitions have up to 100 MiB before the disk there,
// and whoever waits for a sync waits behind them.
func (k *socket) readAhead() {
	end := k.offset + int64(k.left) + k.behind
	half := k.offset + k.aheadBytes/2
	if k.offset < k.looked || half >= end {
		return // near the end was written just now, or asked for with what is before it
	}
	k.looked = half
	if k.cached(half) {
		return
	}
	end = min(k.offset+k.aheadBytes, end)
	for at := k.offset; at < end; at += aheadStep {
		if n := min(aheadStep, end-at); !k.cached(at + n - 1) {
			_ = unix.Fadvise(k.fileFD, at, n, unix.FADV_WILLNEED)
		}
	}
}

// cached tells whether the page cache has a byte of the file or waits for it, and where
// nobody knows, that it has.
func (k *socket) cached(off int64) bool {
	cached, known := nowait.Cached(uintptr(k.fileFD), off)
	return cached || !known
}

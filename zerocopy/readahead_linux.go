package zerocopy

import (
	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

const (
	// aheadShare bounds what is asked for ahead of a section, in sections: who asks for
	// little at a time may want no more.
	aheadShare = 4
	// aheadStep is what the system takes of one call at least. How much more it does
	// depends on the device.
	aheadStep = 128 << 10
	// aheadBlind is for how many sections the rest is left to the system where a page that
	// was asked for does not come into the page cache: it has another, as with overlayfs,
	// or no memory.
	aheadBlind = 1000
)

// readAhead asks the disk for what is sent next, in steps of half of what may be asked
// for ahead.
//
// The system reads ahead too once a page is missing, by the device's setting, for each
// file alone: 128 KiB on most machines, which a disk that is far away serves slowly, and
// 8 MiB on others. Those who read six partitions have up to 100 MiB before the disk there,
// and whoever waits for a sync waits behind them.
type readAhead struct {
	bytes  int64 // 0: nothing is read ahead
	behind int64 // of the file, behind what is sent
	looked int64 // before this offset there is no need to look again
	blind  int   // sections left for which nobody looks: what was asked for did not come
}

// begin is for a section.
func (r *readAhead) begin(sec Section, bytes int64) {
	r.bytes, r.behind, r.looked = min(bytes, aheadShare*int64(sec.Length)), sec.Behind, sec.Offset
	r.blind = max(r.blind-1, 0)
}

// before is called when the bytes from off on are to be sent, so many of the section.
func (r *readAhead) before(fd uintptr, off int64, left int) {
	end, half := off+int64(left)+r.behind, off+r.bytes/2
	if r.bytes <= 0 || r.blind > 0 || off < r.looked || half >= end && r.behind == 0 {
		return // at the end of a log is what was written just now
	}
	r.looked = half
	if cached, known := nowait.Cached(fd, min(half, end-1)); cached || !known {
		return
	}
	end = min(off+r.bytes, end)
	for at := off; at < end; at += aheadStep {
		if last := min(at+aheadStep, end) - 1; !r.cached(fd, last) {
			_ = unix.Fadvise(int(fd), at, end-at, unix.FADV_WILLNEED)
			if !r.cached(fd, at) {
				r.blind = aheadBlind
				return
			}
		}
	}
}

func (r *readAhead) cached(fd uintptr, off int64) bool {
	cached, known := nowait.Cached(fd, off)
	return cached || !known
}

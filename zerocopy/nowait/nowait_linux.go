package nowait

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv reads what a socket has. The error is a [unix.Errno]. A socket in blocking
// mode does not wait either, but for more than [BytesMax].
func Recv(fd uintptr, b []byte) (int, error) {
	if len(b) <= BytesMax {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			written(b[:n])
			return int(n), nil
		}
		if errno != unix.ENOSYS { // Linux before 4.3 on some 32-bit machines
			return 0, errno
		}
	}
	n, err := unix.Read(int(fd), b)
	return max(n, 0), err
}

// Send writes to a socket, with flags of send(2), and does not wait for room. The
// error is a [unix.Errno].
func Send(fd uintptr, b []byte, flags int) (int, error) {
	if len(b) <= BytesMax {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.ENOSYS {
			return 0, errno
		}
	}
	n, err := unix.SendmsgN(int(fd), b, nil, nil, flags|unix.MSG_DONTWAIT)
	return max(n, 0), err
}

// Pread reads at off as much of b as the page cache has at once. It does not wait for
// the rest, but may begin to read that, and what follows: for a place in the disk's
// queue it may wait, and for the file's map. For the file system's journal it may, to
// note the time of access, unless the file has O_NOATIME. b is no longer than
// [BytesMax]. The error is a [unix.Errno]: EAGAIN tells that nothing is there yet,
// most others that the file system, or the system, has no such read.
func Pread(fd uintptr, b []byte, off int64) (int, error) {
	var part unix.Iovec
	part.Base = unsafe.SliceData(b)
	part.SetLen(len(b))
	n, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, fd, uintptr(unsafe.Pointer(&part)), 1,
		uintptr(off), uintptr(uint64(off)>>32), unix.RWF_NOWAIT)
	if errno != 0 {
		return 0, errno
	}
	written(b[:n])
	return int(n), nil
}

// Cached tells whether the page cache has the page at off, or waits for it. It is not
// known to Linux before 6.5, where a sandbox forbids to ask, and on some later ones of a
// file that others own. Where a file's pages are another's, as with overlayfs, none is
// ever there.
func Cached(fd uintptr, off int64) (cached, known bool) {
	page := unix.CachestatRange{Off: uint64(off), Len: 1}
	var is unix.Cachestat_t
	_, _, errno := unix.RawSyscall6(unix.SYS_CACHESTAT, fd, uintptr(unsafe.Pointer(&page)), uintptr(unsafe.Pointer(&is)), 0, 0, 0)
	return is.Cache > 0, errno == 0
}

package wire_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/logstore"
	"moldau/server/wire"
	"moldau/zerocopy"
	"moldau/zerocopy/nowait"
)

// What is behind the records of an answer is on its way from the disk when they are sent.
func TestRecordsAreReadAhead(t *testing.T) {
	const mib = 1 << 20
	f, err := os.Create(filepath.Join(t.TempDir(), "00000000000000000000.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(bytes.Repeat([]byte("0123456789abcdef"), 8*mib/16)); err != nil {
		t.Fatal(err)
	}
	if cached, known := nowait.Cached(f.Fd(), 0); !cached || !known {
		t.Skip("nobody tells what is in the page cache here")
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	if cached, _ := nowait.Cached(f.Fd(), mib); cached {
		t.Skip("this file system does not let go of pages")
	}
	resp := &wire.FetchResponse{Version: 12, Topics: []wire.FetchTopic{{Name: "t", Partitions: []wire.FetchPartition{
		{Records: &logstore.Fetch{Sections: []zerocopy.Section{{File: osFile{f}, Length: mib, Behind: 7 * mib}}}, PreferredReadReplica: -1},
	}}}}
	s := start(t, wire.Options{Handler: answering(wire.Reply{Response: resp})})
	c := s.dial(t)
	c.write(t, frame(1, ""))
	c.receive(t, 1, true)
	for at, want := range []bool{true, true, false, false} {
		if cached, _ := nowait.Cached(f.Fd(), int64(at+1)*mib-1); cached != want {
			t.Errorf("MiB %d is in the page cache: %t, want %t", at, cached, want)
		}
	}
	s.stop(t)
}

package journal_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// checkCatalog holds a catalog to what a scan gives.
func checkCatalog(t *testing.T, fsys vfs.FS, from uint64, want []entry) {
	t.Helper()
	c := journal.NewCatalog(fsys)
	defer c.Close()
	var places []journal.Place
	_, _ = c.Scan(dir, from, func(h journal.Header, at journal.Place) error {
		if e := want[len(places)]; e.header != h {
			t.Fatalf("finds %v, a scan %v", h, e)
		}
		places = append(places, at)
		return nil
	})
	if len(places) != len(want) {
		t.Fatalf("finds %d records, a scan %d", len(places), len(want))
	}
	var buffer []byte
	for i := len(places) - 1; i >= 0; i-- { // in an order of its own
		h, payload, err := c.Read(places[i], &buffer)
		must(t, err)
		if h != want[i].header || string(payload) != want[i].payload {
			t.Fatalf("reads %v %.20q, was %v", h, payload, want[i])
		}
	}
}

func TestCatalogReadsWhatAScanGives(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 5, 40, small)
	for i := range 7 {
		commit(t, j, int64(10*i), fmt.Sprint("a", i), long(100*i), "")
	}
	found, _ := scan(t, m, 0)
	if len(found) != 21 {
		t.Fatalf("%d records", len(found))
	}
	checkCatalog(t, m, 0, found)
	from := found[12].generation
	found, _ = scan(t, m, from)
	checkCatalog(t, m, from, found)
}

// Records behind a header that is lost have the checksums of a commit that nothing
// names.
func TestCatalogReadsBehindALostHeader(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "a")
	commit(t, j, 10, "b", "c")
	write(t, m, file(0), 2*block, []byte("lost"))
	found, report := scan(t, m, 0)
	if len(found) != 3 || !report.Torn {
		t.Fatalf("%v, %+v", found, report)
	}
	checkCatalog(t, m, 0, found)
}

func TestCatalogReadsExtracts(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "from the journal")
	for _, name := range []string{"one", "two"} {
		e, err := journal.CreateExtract(m, name)
		must(t, err)
		must(t, e.Add(batches("a-0", 20), []byte(name)))
		must(t, e.Add(batches("b-0", 30), []byte(long(5000))))
		must(t, e.Close())
	}
	c := journal.NewCatalog(m)
	defer c.Close()
	var places []journal.Place
	note := func(_ journal.Header, at journal.Place) error {
		places = append(places, at)
		return nil
	}
	must(t, c.ReadExtract("one", note))
	must(t, c.ReadExtract("two", note))
	_, err := c.Scan(dir, 0, note)
	must(t, err)
	var buffer []byte
	var got []string
	for _, p := range places {
		_, payload, err := c.Read(p, &buffer)
		must(t, err)
		got = append(got, string(payload[:min(len(payload), 16)]))
	}
	if want := fmt.Sprint("one ", long(16), " two ", long(16), " from the journal"); strings.Join(got, " ") != want {
		t.Fatalf("reads %q", got)
	}
}

// What is read again is checked again.
func TestCatalogTellsWhatHasChanged(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "first", "second")
	c := journal.NewCatalog(m)
	defer c.Close()
	var places []journal.Place
	_, err := c.Scan(dir, 0, func(_ journal.Header, at journal.Place) error {
		places = append(places, at)
		return nil
	})
	must(t, err)
	at := strings.Index(string(read(t, m, file(0))), "second")
	write(t, m, file(0), int64(at), []byte("S"))
	var buffer []byte
	_, payload, err := c.Read(places[0], &buffer)
	must(t, err)
	if string(payload) != "first" {
		t.Fatalf("reads %q", payload)
	}
	_, _, err = c.Read(places[1], &buffer)
	wantErr(t, err, journal.ErrCorrupt)
	f, err := m.OpenFile(file(0), os.O_RDWR, 0)
	must(t, err)
	must(t, f.Truncate(block))
	must(t, f.Close())
	_, _, err = c.Read(places[0], &buffer)
	wantErr(t, err, journal.ErrCorrupt)
}

// A catalog of more files than stay open is read from many goroutines, and leaves
// no file open.
func TestCatalogOfManyFiles(t *testing.T) {
	m := vfs.NewMem()
	counted := &openFiles{FS: m}
	o := small
	o.BytesMax = 80 * o.FileBytes
	j := open(t, m, 1, 1, o)
	for i := range 80 {
		j.Rotate()
		commit(t, j, int64(i), fmt.Sprint(i))
	}
	c := journal.NewCatalog(counted)
	var places []journal.Place
	_, err := c.Scan(dir, 0, func(_ journal.Header, at journal.Place) error {
		places = append(places, at)
		return nil
	})
	must(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			var buffer []byte
			for i, p := range places {
				if h, payload, err := c.Read(p, &buffer); err != nil || h.First != int64(i) || string(payload) != fmt.Sprint(i) {
					t.Errorf("record %d: %v, %q, %v", i, h, payload, err)
				}
			}
		})
	}
	group.Wait()
	if n := counted.count(); n != 64 {
		t.Errorf("%d files are open", n)
	}
	c.Close()
	if n := counted.count(); n != 0 || len(places) != 80 {
		t.Fatalf("%d files are open after Close, of %d records", n, len(places))
	}
}

// openFiles counts the files that are open.
type openFiles struct {
	vfs.FS
	mu sync.Mutex
	n  int
}

func (o *openFiles) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n
}

func (o *openFiles) add(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n += n
}

func (o *openFiles) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	f, err := o.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	o.add(1)
	return openFile{f, o}, nil
}

type openFile struct {
	vfs.File
	o *openFiles
}

func (f openFile) Close() error {
	f.o.add(-1)
	return f.File.Close()
}

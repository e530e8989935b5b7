package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"moldau/bench/disk"
	"moldau/logstore/record"
)

// round is one sync that is still to begin, for all who wait for it.
type round struct {
	done chan struct{}
	err  error // before done is closed
}

// groupSync lets all who come while a sync runs share the next one. Whoever
// finds none running does it without handing over to another goroutine.
type groupSync struct {
	sync func() error

	mu      sync.Mutex
	next    *round // under mu
	running bool   // under mu
	syncs   int64  // under mu
}

// wait returns when a sync is over that began after the call.
func (g *groupSync) wait() error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &round{done: make(chan struct{})}
	}
	r := g.next
	if g.running {
		g.mu.Unlock()
		<-r.done
		return r.err
	}
	g.running = true
	g.runNext()
	if g.next != nil {
		go g.runAll()
	} else {
		g.running = false
	}
	g.mu.Unlock()
	return r.err
}

func (g *groupSync) runAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.next != nil {
		g.runNext()
	}
	g.running = false
}

// runNext does one sync. The caller holds mu, which is given up meanwhile.
func (g *groupSync) runNext() {
	r := g.next
	g.next = nil
	g.syncs++
	g.mu.Unlock()
	r.err = g.sync()
	close(r.done)
	g.mu.Lock()
}

// file is appended to by one at a time.
type file struct {
	f  *os.File
	mu sync.Mutex
	at int64 // under mu
	// limit is where a file that is overwritten begins anew, 0 for one that grows.
	limit int64
}

func (f *file) append(batch []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limit > 0 && f.at+int64(len(batch)) > f.limit {
		f.at = 0
	}
	if _, err := f.f.WriteAt(batch, f.at); err != nil {
		return err
	}
	f.at += int64(len(batch))
	return nil
}

func (f *file) sync() error {
	return os.NewSyscallError("fdatasync", unix.Fdatasync(int(f.f.Fd())))
}

// limit is a limit program: some files, and syncs that are shared.
type limit struct {
	files []*file      // a log's is at its number, modulo
	syncs []*groupSync // the same
}

func (l *limit) put(log int, batch []byte) error {
	if b := record.Batch(batch); b.ComputeCRC() != b.CRC() {
		return record.ErrCRC
	}
	if err := l.files[log%len(l.files)].append(batch); err != nil {
		return err
	}
	return l.syncs[log%len(l.syncs)].wait()
}

// settle finds all in place: everything was synced in its own file.
func (l *limit) settle() error {
	var failed error
	for _, g := range l.syncs {
		failed = errors.Join(failed, g.sync())
	}
	return failed
}

func (l *limit) close() error {
	var failed error
	for _, f := range l.files {
		failed = errors.Join(failed, f.f.Close())
	}
	return failed
}

func (l *limit) syncCount() (n int64) {
	for _, g := range l.syncs {
		g.mu.Lock()
		n += g.syncs
		g.mu.Unlock()
	}
	return n
}

func (l *limit) journal() disk.Journal { return disk.Journal{} }

func newLimit(dir string, files int) (*limit, error) {
	l := &limit{}
	for i := range files {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.files = append(l.files, &file{f: f})
	}
	return l, nil
}

func openOneFile(dir string, _ row, _ *options) (target, error) {
	return openPerFile(dir, row{logs: 1}, nil)
}

// overwriteBytes is as much as a journal may be large.
const overwriteBytes = 256 << 20

func openOverwrite(dir string, _ row, _ *options) (target, error) {
	l, err := newLimit(dir, 1)
	if err != nil {
		return nil, err
	}
	f := l.files[0]
	f.limit = overwriteBytes
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < overwriteBytes; at += int64(len(zeros)) {
		if _, err := f.f.WriteAt(zeros, at); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	l.syncs = []*groupSync{{sync: f.sync}}
	return l, nil
}

func openPerFile(dir string, r row, _ *options) (target, error) {
	l, err := newLimit(dir, r.logs)
	if err != nil {
		return nil, err
	}
	for _, f := range l.files {
		l.syncs = append(l.syncs, &groupSync{sync: f.sync})
	}
	return l, nil
}

func openSyncFS(dir string, r row, _ *options) (target, error) {
	l, err := newLimit(dir, r.logs)
	if err != nil {
		return nil, err
	}
	root := int(l.files[0].f.Fd())
	l.syncs = []*groupSync{{sync: func() error { return os.NewSyscallError("syncfs", unix.Syncfs(root)) }}}
	return l, nil
}

package storage_test

import (
	"fmt"
	"os"
	"path"
	"sync/atomic"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

var tp = logstore.TopicPartition{Topic: "t", Partition: 0}

// logDir is where the targets' log lies in a store that is called data.
const logDir = "data/logs/t-0"

// intervalBytes is small, so that short segments have index entries.
const intervalBytes = 200

// clock is a time that only the target moves, while syncs under way look at it.
type clock struct{ atomic.Int64 } // milliseconds

func newClock() *clock {
	c := new(clock)
	c.Store(1_700_000_000_000)
	return c
}

func (c *clock) ms() int64      { return c.Load() }
func (c *clock) Now() time.Time { return time.UnixMilli(c.ms()) }

// options opens a store whose logs keep all that they are given.
func options(fsys vfs.FS, c *clock) logstore.Options {
	config := logstore.DefaultConfig()
	config.IndexIntervalBytes = intervalBytes
	config.RetentionMs = -1
	return logstore.Options{
		FS: fsys, Clock: c, Log: config, Manual: true, ReserveBytes: -1, DecompressedBytesMax: unpackedMax, RecoveryWorkers: 1,
		Rand: func(int64) int64 { return 0 },
	}
}

// image is a file system of some files, as another program left them.
func image(t testing.TB, files map[string][]byte) *vfs.Mem {
	m := vfs.NewMem()
	made := map[string]bool{".": true}
	var mkdir func(dir string)
	mkdir = func(dir string) {
		if !made[dir] {
			mkdir(path.Dir(dir))
			must(t, m.Mkdir(dir, 0o755))
			made[dir] = true
		}
	}
	mkdir(logDir)
	for name, b := range files {
		mkdir(path.Dir(name))
		write(t, m, name, b)
	}
	return m
}

func write(t testing.TB, m vfs.FS, name string, b []byte) {
	f, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	must(t, err)
	_, err = f.WriteAt(b, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

// read is a file's content, nil where there is none.
func read(t testing.TB, m vfs.FS, name string) []byte {
	f, err := m.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if size > 0 {
		_, err = f.ReadAt(b, 0)
		must(t, err)
	}
	must(t, f.Close())
	return b
}

// fileOf is the name of a file of a segment.
func fileOf(base int64, suffix string) string {
	return path.Join(logDir, fmt.Sprintf("%020d%s", base, suffix))
}

// sound asks the engine's checker, which must find no fault.
func sound(t testing.TB, m vfs.FS, deep bool) {
	report, err := logstore.Check(m, "data", logstore.CheckOptions{Deep: deep, DecompressedBytesMax: unpackedMax})
	must(t, err)
	for _, f := range report.Findings {
		if f.Severity == logstore.Fault {
			t.Fatal(f)
		}
	}
}

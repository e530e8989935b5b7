package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// bareFiles is what cannot be left out of the same in os mode: a CRC and one pwrite
// to the end of a file, of few and of many.
func bareFiles(dir string, o options) error {
	files := make([]*bareFile, o.many)
	dir = filepath.Join(dir, "bare")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for i := range files {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		defer f.Close()
		files[i] = &bareFile{File: f}
	}
	for _, kib := range []int{1, 16} {
		var ratios, fewRates, manyRates []float64
		for range o.blocks {
			few, err1 := writeTo(files[:o.few], kib, o)
			many, err2 := writeTo(files, kib, o)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			fewRates, manyRates, ratios = append(fewRates, few), append(manyRates, many), append(ratios, many/few)
		}
		fmt.Printf("bare files, %d KiB: %d files %.0f appends/s, %d files %.0f appends/s: %.2f\n", kib,
			o.few, median(fewRates), o.many, median(manyRates), median(ratios))
	}
	return nil
}

type bareFile struct {
	*os.File
	mu  sync.Mutex
	end int64 // under mu
}

func (f *bareFile) append(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.WriteAt(b, f.end)
	f.end += int64(n)
	return err
}

func writeTo(files []*bareFile, kib int, o options) (float64, error) {
	var next atomic.Int64
	var sum atomic.Uint32
	var group sync.WaitGroup
	failed := make(chan error, o.clients)
	began := time.Now()
	for range o.clients {
		group.Go(func() {
			batch, err := batchOf(kib)
			for err == nil && time.Since(began) < o.block {
				sum.Store(crc32.Checksum(batch, castagnoli))
				err = files[(next.Add(1)-1)%int64(len(files))].append(batch)
			}
			failed <- err
		})
	}
	group.Wait()
	var err error
	for range o.clients {
		err = errors.Join(err, <-failed)
	}
	return float64(next.Load()) / time.Since(began).Seconds(), err
}

package scale

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/result"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// bare is what cannot be left out of the same in os mode: a CRC and one pwrite to the
// end of a file, of few and of many.
type bare struct {
	root, dir string
	options   *options
	files     []*bareFile
}

func newBare(root string, o *options) (b *bare, err error) {
	b = &bare{root: root, dir: filepath.Join(root, "bare"), options: o}
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return nil, err
	}
	for i := range o.many {
		f, err := os.Create(filepath.Join(b.dir, fmt.Sprint(i)))
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		b.files = append(b.files, &bareFile{File: f})
	}
	return b, nil
}

func (b *bare) close() error {
	var failed error
	for _, f := range b.files {
		failed = errors.Join(failed, f.Close())
	}
	return errors.Join(failed, os.RemoveAll(b.dir))
}

func (b *bare) appendToBoth(kib int) (result.Block, error) {
	return both(b.root, func() (float64, error) {
		return writeTo(b.files[:b.options.few], kib, b.options)
	}, func() (float64, error) {
		return writeTo(b.files, kib, b.options)
	})
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

func writeTo(files []*bareFile, kib int, o *options) (float64, error) {
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

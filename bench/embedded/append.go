package embedded

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"moldau/bench/peers"
	"moldau/bench/result"
)

const (
	recordBytes = 1 << 10
	batched     = 64 // records that are appended at once
)

// appendRows are records in, in every peer that does the row's work.
func appendRows(o *options) []row {
	var rows []row
	for _, w := range []struct {
		name       string
		records    int
		synced     bool
		goroutines int
	}{
		{"append records of 1 KiB one by one", 1, false, 1},
		{"append 64 records of 1 KiB at a time", batched, false, 1},
		{"append records of 1 KiB one by one", 1, true, 1},
		{"append records of 1 KiB from 16 goroutines", 1, true, 16},
		{"append 64 records of 1 KiB at a time", batched, true, 1},
	} {
		r := row{name: w.name, durability: durabilityOf(w.synced), headline: result.TimePerOp, perOp: recordBytes}
		for _, p := range peers.All {
			if w.records > 1 && !p.Batches {
				continue
			}
			notes := "acknowledged when on stable storage"
			switch {
			case !w.synced:
				notes = p.Unsynced
			case w.goroutines > 1 && p.Shares:
				notes += ", syncs shared"
			case w.goroutines > 1:
				notes += ", one after the other"
			}
			r.systems = append(r.systems, system{p.Name, false, notes + "; " + p.Checks, func(dir string, t *stopwatch) (int64, error) {
				return appendRecords(o, p, dir, w.records, w.synced, w.goroutines, t)
			}})
		}
		r.goals = beside(r.systems, result.TimePerOp)
		rows = append(rows, r)
	}
	return rows
}

func durabilityOf(synced bool) string {
	if synced {
		return "synced"
	}
	return "os"
}

func appendRecords(o *options, p peers.Peer, dir string, at int, synced bool, goroutines int, t *stopwatch) (int64, error) {
	l, err := p.Open(dir, synced)
	if err != nil {
		return 0, err
	}
	records := values(at)
	for range 16 { // files are made, memory is there
		if err := l.Append(records); err != nil {
			return 0, err
		}
	}
	var appended atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, goroutines)
	t.start()
	for i := range goroutines {
		all.Go(func() {
			most := o.appended / recordBytes / int64(goroutines)
			for n := int64(0); n < most && (n%64 != 0 && !synced || t.elapsed() < o.block); n += int64(at) {
				if errs[i] = l.Append(records); errs[i] != nil {
					return
				}
				appended.Add(int64(at))
			}
		})
	}
	all.Wait()
	t.stop()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	if appended.Load() == 0 {
		return 0, fmt.Errorf("nothing was appended in %s", o.block)
	}
	return appended.Load(), l.Close()
}

// values are n records.
func values(n int) [][]byte {
	v := make([][]byte, n)
	for i := range v {
		v[i] = make([]byte, recordBytes)
		for j := range v[i] {
			v[i][j] = byte('a' + (i+j)%26)
		}
	}
	return v
}

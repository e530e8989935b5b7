package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"moldau/bench/peers"
	"moldau/bench/result"
)

// newest is among how many records the last row reads: they fit every cache.
const newest = 16_000

// reader is a peer with a log that was written in a certain way.
type reader struct {
	peers.Peer
	name    string
	written int // records at a time
}

// readRows are records out. Their logs are written once, at the first.
func readRows(o *options) []row {
	var readers []reader
	for _, p := range peers.All {
		if !p.Batches {
			readers = append(readers, reader{p, p.Name, 1})
			continue
		}
		if p.Name == moldau {
			readers = append(readers, reader{p, p.Name, 1})
			p.Name, p.Checks = moldau+"-64", p.Checks+"; written 64 records at a time"
		}
		readers = append(readers, reader{p, p.Name, batched})
	}
	var rows []row
	for _, w := range []struct {
		name       string
		sequential bool // also those that have no other way
		ms         bool
		block      func(o *options, p peers.Peer, dir string, t *stopwatch) (int64, error)
	}{
		{"read records of 1 KiB from the first to the last", true, false, scan},
		{"read records of 1 KiB by number, anywhere", false, false, func(o *options, p peers.Peer, dir string, t *stopwatch) (int64, error) {
			return random(o, p, dir, o.bytes/recordBytes, t)
		}},
		{fmt.Sprintf("read records of 1 KiB by number, of the newest %d", newest), false, false, func(o *options, p peers.Peer, dir string, t *stopwatch) (int64, error) {
			return random(o, p, dir, newest, t)
		}},
		{"open a log, read the newest record", true, true, open},
	} {
		r := row{name: fmt.Sprintf("%s, log of %d MiB", w.name, o.bytes>>20), durability: "os", headline: result.TimePerOp, perOp: recordBytes}
		if w.ms {
			r.headline, r.perOp = result.Milliseconds, 0
		}
		byName := map[string]reader{}
		for _, p := range readers {
			if p.Sequential && !w.sequential {
				continue
			}
			byName[p.name] = p
			r.systems = append(r.systems, system{p.name, false, p.Checks, func(dir string, t *stopwatch) (int64, error) { return w.block(o, p.Peer, dir, t) }})
		}
		r.goals = beside(r.systems, r.headline)
		r.prepare = func(s system, dir string) error { return byName[s.name].write(o, dir) }
		rows = append(rows, r)
	}
	return rows
}

// write makes the log, and closes it.
func (r reader) write(o *options, dir string) error {
	l, err := r.Open(dir, false)
	if err != nil {
		return err
	}
	records := values(r.written)
	for range o.bytes / recordBytes / int64(r.written) {
		if err := l.Append(records); err != nil {
			return err
		}
	}
	return l.Close()
}

func scan(o *options, p peers.Peer, dir string, t *stopwatch) (records int64, err error) {
	l, err := p.Open(dir, false)
	if err != nil {
		return 0, err
	}
	t.start()
	err = l.Scan(func(r []byte) error {
		if len(r) != recordBytes {
			return fmt.Errorf("record %d has %d bytes", records, len(r))
		}
		records++
		return nil
	})
	t.stop()
	if want := o.bytes / recordBytes / batched * batched; err == nil && records < want {
		err = fmt.Errorf("%d records, %d were written", records, want)
	}
	return records, errors.Join(err, l.Close())
}

func random(o *options, p peers.Peer, dir string, among int64, t *stopwatch) (records int64, err error) {
	l, err := p.Open(dir, false)
	if err != nil {
		return 0, err
	}
	all := o.bytes / recordBytes / batched * batched
	among = min(among, all)
	r := rand.New(rand.NewPCG(1, 2))
	for n := all - among; n < all && n < all-among+newest; n++ { // whoever has a cache fills it
		if _, err := l.Read(n); err != nil {
			return 0, err
		}
	}
	t.start()
	for records%64 != 0 || t.elapsed() < o.block {
		v, err := l.Read(all - 1 - r.Int64N(among))
		if err != nil || len(v) != recordBytes {
			return 0, errors.Join(err, fmt.Errorf("%d bytes", len(v)))
		}
		records++
	}
	t.stop()
	return records, l.Close()
}

// open opens the log and reads its newest record: some open files only then. Who
// has no way to that has read all.
func open(o *options, p peers.Peer, dir string, t *stopwatch) (int64, error) {
	t.start()
	l, err := p.Open(dir, false)
	if err != nil {
		return 0, err
	}
	if !p.Sequential {
		_, err = l.Read(o.bytes/recordBytes/batched*batched - 1)
	}
	t.stop()
	return 1, errors.Join(err, l.Close())
}

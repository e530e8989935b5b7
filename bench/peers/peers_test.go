package peers_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"moldau/bench/peers"
)

// What was appended is returned, record by record and in batches, before and after
// the log was opened again.
func TestPeersReturnWhatWasAppended(t *testing.T) {
	for _, p := range peers.All {
		for _, synced := range []bool{false, true} {
			t.Run(fmt.Sprint(p.Name, ", synced ", synced), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "log")
				l := open(t, p, dir, synced)
				must(t, l.Append(records(0, 1)))
				must(t, l.Append(records(1, 64)))
				holds(t, p, l, 65)
				must(t, l.Close())

				l = open(t, p, dir, synced)
				must(t, l.Append(records(65, 3)))
				holds(t, p, l, 68)
				must(t, l.Close())
			})
		}
	}
}

// Many may append at once, and nothing is lost or torn.
func TestPeersTakeConcurrentAppends(t *testing.T) {
	for _, p := range peers.All {
		t.Run(p.Name, func(t *testing.T) {
			l := open(t, p, filepath.Join(t.TempDir(), "log"), false)
			var done sync.WaitGroup
			for i := range 4 {
				done.Go(func() {
					for n := range 50 {
						if err := l.Append(records(100*i+n, 1)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			done.Wait()
			seen := map[string]int{}
			must(t, l.Scan(func(r []byte) error { seen[string(r)]++; return nil }))
			for i := range 4 {
				for n := range 50 {
					if got := seen[string(records(100*i+n, 1)[0])]; got != 1 {
						t.Errorf("record %d is there %d times", 100*i+n, got)
					}
				}
			}
			must(t, l.Close())
		})
	}
}

func open(t *testing.T, p peers.Peer, dir string, synced bool) peers.Log {
	t.Helper()
	l, err := p.Open(dir, synced)
	must(t, err)
	return l
}

// holds checks all records by a scan, and by number where the peer can.
func holds(t *testing.T, p peers.Peer, l peers.Log, n int) {
	t.Helper()
	want := records(0, n)
	got := 0
	must(t, l.Scan(func(r []byte) error {
		if got >= n || !bytes.Equal(r, want[got]) {
			return fmt.Errorf("record %d is %.20q", got, r)
		}
		got++
		return nil
	}))
	if got != n {
		t.Fatalf("%d records, want %d", got, n)
	}
	if p.Sequential {
		return
	}
	for i := n - 1; i >= 0; i-- {
		if r, err := l.Read(int64(i)); err != nil || !bytes.Equal(r, want[i]) {
			t.Fatalf("record %d is %.20q, %v", i, r, err)
		}
	}
}

// records are n of them from a number on, each unlike any other.
func records(from, n int) [][]byte {
	var r [][]byte
	for i := range n {
		r = append(r, bytes.Repeat(fmt.Appendf(nil, "%06d,", from+i), 1+(from+i)%5))
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

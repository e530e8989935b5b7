package peers

import "github.com/tidwall/wal"

var tidwallPeer = Peer{
	Name: "tidwall", Module: "github.com/tidwall/wal", Open: openTidwall, Batches: true,
	Unsynced: "NoSync", Checks: "none",
}

type tidwallLog struct {
	numbered
	log   *wal.Log
	batch wal.Batch
}

func openTidwall(dir string, synced bool) (Log, error) {
	o := *wal.DefaultOptions
	o.NoSync, o.NoCopy = !synced, true
	log, err := wal.Open(dir, &o)
	if err != nil {
		return nil, err
	}
	last, err := log.LastIndex()
	return &tidwallLog{numbered: numbered{next: last + 1}, log: log}, err
}

func (l *tidwallLog) Append(records [][]byte) error {
	l.Lock()
	defer l.Unlock()
	if len(records) == 1 {
		err := l.log.Write(l.next, records[0])
		l.next++
		return err
	}
	for _, r := range records {
		l.batch.Write(l.next, r)
		l.next++
	}
	return l.log.WriteBatch(&l.batch)
}

func (l *tidwallLog) Read(n int64) ([]byte, error) { return l.log.Read(uint64(n) + 1) }

func (l *tidwallLog) Scan(visit func([]byte) error) error { return scanByNumber(l, l.next-1, visit) }

func (l *tidwallLog) Close() error { return l.log.Close() }

// scanByNumber reads one after the other, where a peer has nothing for the row.
func scanByNumber(l Log, records uint64, visit func([]byte) error) error {
	for n := range records {
		r, err := l.Read(int64(n))
		if err == nil {
			err = visit(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package peers

import (
	"errors"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

var raftPeer = Peer{
	Name: "raft-wal", Module: "github.com/hashicorp/raft-wal", Open: openRaft, Batches: true,
	Unsynced: "files whose Sync does nothing", Checks: "CRC-32C of each commit, at the open, of the last segment",
}

type raftLog struct {
	numbered
	log  *wal.WAL
	meta *metadb.BoltMetaDB // which the log's own Close leaves open, and locked
	some []raft.Log
	at   []*raft.Log
	read raft.Log
}

func openRaft(dir string, synced bool) (Log, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var files types.VFS = fs.New()
	if !synced {
		files = unsyncedFS{files}
	}
	meta := &metadb.BoltMetaDB{}
	log, err := wal.Open(dir, wal.WithMetaStore(meta), wal.WithSegmentFiler(segment.NewFiler(dir, files)), wal.WithLogger(hclog.NewNullLogger()))
	if err != nil {
		return nil, errors.Join(err, meta.Close())
	}
	last, err := log.LastIndex()
	return &raftLog{numbered: numbered{next: last + 1}, log: log, meta: meta}, err
}

func (l *raftLog) Append(records [][]byte) error {
	l.Lock()
	defer l.Unlock()
	for len(l.some) < len(records) {
		l.some = append(l.some, raft.Log{})
	}
	l.at = l.at[:0]
	for i, r := range records {
		l.some[i] = raft.Log{Index: l.next, Term: 1, Data: r}
		l.at = append(l.at, &l.some[i])
		l.next++
	}
	return l.log.StoreLogs(l.at)
}

func (l *raftLog) Read(n int64) ([]byte, error) {
	err := l.log.GetLog(uint64(n)+1, &l.read)
	return l.read.Data, err
}

func (l *raftLog) Scan(visit func([]byte) error) error { return scanByNumber(l, l.next-1, visit) }

func (l *raftLog) Close() error { return errors.Join(l.log.Close(), l.meta.Close()) }

// unsyncedFS leaves out the syncs of what is appended, which raft-wal cannot.
type unsyncedFS struct{ types.VFS }

func (f unsyncedFS) Create(dir, name string, size uint64) (types.WritableFile, error) {
	w, err := f.VFS.Create(dir, name, size)
	return unsyncedFile{w}, err
}

func (f unsyncedFS) OpenWriter(dir, name string) (types.WritableFile, error) {
	w, err := f.VFS.OpenWriter(dir, name)
	return unsyncedFile{w}, err
}

type unsyncedFile struct{ types.WritableFile }

func (unsyncedFile) Sync() error { return nil }

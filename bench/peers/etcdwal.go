package peers

import (
	"errors"
	"os"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
)

var etcdPeer = Peer{
	Name: "etcd-wal", Module: "go.etcd.io/etcd/server/v3", Open: openEtcd, Batches: true, Sequential: true,
	Unsynced: "SetUnsafeNoFsync", Checks: "CRC-32C chained from record to record, at every read",
}

type etcdLog struct {
	numbered
	dir  string
	log  *wal.WAL
	some []raftpb.Entry
	at   []*raftpb.Entry
}

// openEtcd reads all there is: there is no other way to where the next one goes.
func openEtcd(dir string, synced bool) (Log, error) {
	log, err := wal.Open(zap.NewNop(), dir, &walpb.Snapshot{})
	if errors.Is(err, wal.ErrFileNotFound) || errors.Is(err, os.ErrNotExist) {
		log, err = wal.Create(zap.NewNop(), dir, nil)
		if err != nil {
			return nil, err
		}
		if err := log.Close(); err != nil {
			return nil, err
		}
		log, err = wal.Open(zap.NewNop(), dir, &walpb.Snapshot{})
	}
	if err != nil {
		return nil, err
	}
	_, _, entries, err := log.ReadAll()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if !synced {
		log.SetUnsafeNoFsync()
	}
	return &etcdLog{numbered: numbered{next: uint64(len(entries)) + 1}, dir: dir, log: log}, nil
}

func (l *etcdLog) Append(records [][]byte) error {
	l.Lock()
	defer l.Unlock()
	for len(l.at) < len(records) {
		l.at = append(l.at, &raftpb.Entry{})
	}
	for i, r := range records {
		l.at[i].Index, l.at[i].Term, l.at[i].Data = new(l.next), new(uint64(1)), r
		l.next++
	}
	return l.log.Save(nil, l.at[:len(records)])
}

func (l *etcdLog) Read(int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func (l *etcdLog) Scan(visit func([]byte) error) error {
	log, err := wal.OpenForRead(zap.NewNop(), l.dir, &walpb.Snapshot{})
	if err != nil {
		return err
	}
	defer log.Close()
	_, _, entries, err := log.ReadAll()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := visit(e.Data); err != nil {
			return err
		}
	}
	return nil
}

func (l *etcdLog) Close() error { return l.log.Close() }

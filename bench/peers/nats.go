package peers

import (
	"unsafe"

	"github.com/nats-io/nats-server/v2/server"
)

var natsPeer = Peer{
	Name: "nats-filestore", Module: "github.com/nats-io/nats-server/v2", Open: openNATS,
	Unsynced: "its default, a sync in two minutes", Checks: "64 bits of HighwayHash of each record, when its block is loaded",
}

// fileStore stands for the type of NATS that is not exported. Its methods are
// linked by name, in this file alone.
type fileStore struct{}

// storedMsg is laid out as server.StoreMsg, of which nothing is exported.
type storedMsg struct {
	subject         string
	header, message []byte
	buffer          []byte
	sequence        uint64
	timestamp       int64
}

//go:linkname newFileStore github.com/nats-io/nats-server/v2/server.newFileStore
func newFileStore(server.FileStoreConfig, server.StreamConfig) (*fileStore, error)

//go:linkname storeMsg github.com/nats-io/nats-server/v2/server.(*fileStore).StoreMsg
func storeMsg(s *fileStore, subject string, header, message []byte, ttl int64) (uint64, int64, error)

//go:linkname loadMsg github.com/nats-io/nats-server/v2/server.(*fileStore).LoadMsg
func loadMsg(s *fileStore, sequence uint64, m *storedMsg) (*storedMsg, error)

//go:linkname fastState github.com/nats-io/nats-server/v2/server.(*fileStore).FastState
func fastState(s *fileStore, state *server.StreamState)

//go:linkname stop github.com/nats-io/nats-server/v2/server.(*fileStore).Stop
func stop(s *fileStore) error

// The layouts agree in size at least; that they agree in all is for the test.
var _ [unsafe.Sizeof(server.StoreMsg{}) - unsafe.Sizeof(storedMsg{})]struct{}
var _ [unsafe.Sizeof(storedMsg{}) - unsafe.Sizeof(server.StoreMsg{})]struct{}

type natsLog struct {
	store *fileStore
	read  storedMsg
}

const natsSubject = "records"

func openNATS(dir string, synced bool) (Log, error) {
	store, err := newFileStore(
		server.FileStoreConfig{StoreDir: dir, SyncAlways: synced},
		server.StreamConfig{Name: "records", Storage: server.FileStorage, Subjects: []string{natsSubject}},
	)
	if err != nil {
		return nil, err
	}
	return &natsLog{store: store}, nil
}

func (l *natsLog) Append(records [][]byte) error {
	for _, r := range records {
		if _, _, err := storeMsg(l.store, natsSubject, nil, r, 0); err != nil {
			return err
		}
	}
	return nil
}

func (l *natsLog) Read(n int64) ([]byte, error) {
	m, err := loadMsg(l.store, uint64(n)+1, &l.read)
	if err != nil {
		return nil, err
	}
	return m.message, nil
}

func (l *natsLog) Scan(visit func([]byte) error) error {
	var state server.StreamState
	fastState(l.store, &state)
	return scanByNumber(l, state.LastSeq, visit)
}

func (l *natsLog) Close() error { return stop(l.store) }

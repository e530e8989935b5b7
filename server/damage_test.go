package server_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

// create makes topics, each by a command of its own.
func create(t *testing.T, b *servertest.Broker, names ...string) {
	t.Helper()
	c := b.Dial()
	for _, name := range names {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
		req.Topics = append(req.Topics, topic)
		if got := c.Request(req).(*kmsg.CreateTopicsResponse).Topics[0]; got.ErrorCode != 0 {
			t.Fatalf("create %s: error code %d", name, got.ErrorCode)
		}
	}
}

func topicCount(b *servertest.Broker) int {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	return len(b.Dial().Request(req).(*kmsg.MetadataResponse).Topics)
}

// Bits that rot in the middle of the metadata log, and a kill: what was
// acknowledged behind them must not be gone without a word.
func TestDamagedMetadataRefusesTheStart(t *testing.T) {
	b := servertest.Start(t)
	create(t, b, "t1", "t2", "t3", "t4", "t5")
	b.Kill()
	dir := filepath.Join(b.DataDir(), "moldau/metadata/logs/__metadata-0")
	path := filepath.Join(dir, "00000000000000000000.log")
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log[len(log)/2] ^= 0x55
	if err := os.WriteFile(path, log, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // nor the second time
		refused(t, server.Config{DataDir: b.DataDir()}, ".cut")
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*.cut"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept is %v, %v", kept, err)
	}
	if err := os.Remove(kept[0]); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	if n := topicCount(b); n == 0 || n >= 5 {
		t.Errorf("%d topics are left", n)
	}
}

// A torn tail is what a power cut leaves, and no damage.
func TestTornMetadataStarts(t *testing.T) {
	b := servertest.Start(t)
	create(t, b, "t1", "t2")
	b.Kill()
	path := filepath.Join(b.DataDir(), "moldau/metadata/logs/__metadata-0/00000000000000000000.log")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-5); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	if n := topicCount(b); n != 1 {
		t.Errorf("%d topics", n)
	}
}

func TestLogsWithoutMetadataAreNotTouched(t *testing.T) {
	b := servertest.Start(t)
	create(t, b, "t")
	b.Close()
	if err := os.RemoveAll(filepath.Join(b.DataDir(), "moldau")); err != nil {
		t.Fatal(err)
	}
	refused(t, server.Config{DataDir: b.DataDir()}, "t-0")
	if _, err := os.Stat(filepath.Join(b.DataDir(), "logs", "t-0")); err != nil {
		t.Error(err)
	}
}

// Who finds the directory in use leaves it as it was.
func TestLockComesBeforeEverything(t *testing.T) {
	disk := vfs.NewMem()
	if err := disk.Mkdir("logs", 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := disk.Lock("logs/.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	refused(t, server.Config{FS: disk}, logstore.ErrLocked.Error())
	for _, dir := range []string{".", "logs"} {
		entries, err := disk.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "logs" && e.Name() != ".lock" {
				t.Errorf("%s/%s was made", dir, e.Name())
			}
		}
	}
}

func TestLinksInTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "logs")); err != nil {
		t.Fatal(err)
	}
	refused(t, server.Config{DataDir: dir}, "symbolic link")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	servertest.Start(t, server.Config{DataDir: link})
}

func TestPropertiesWithoutEffectAreNamed(t *testing.T) {
	var log bytes.Buffer
	b := servertest.Start(t, server.Config{
		FS: vfs.NewMem(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Properties: map[string]string{"log.retention.mss": "5", "num.io.threads": "8", "num.partitions": "2"},
	})
	b.Close()
	for name, want := range map[string]bool{"log.retention.mss": true, "num.io.threads": true, "num.partitions": false, "node.id": false} {
		if got := strings.Contains(log.String(), "level=WARN msg=\"property has no effect\" name="+name); got != want {
			t.Errorf("%s is named: %v", name, got)
		}
	}
}

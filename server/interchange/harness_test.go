package interchange_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/controller"
	"moldau/server/interchange"
	"moldau/server/metadata"
)

// The archive holds what Kafka 4.3.1 left of a clean close, and what a client
// saw of it before. server/compat/interchange --golden writes it.
const archive = "testdata/kafka-4.3.1.tar.gz"

// holding is what a broker held, as it told clients.
type holding struct {
	Topics map[string]struct {
		ID         string
		Configs    map[string]string
		Partitions []partitionHolding
	}
	Groups map[string]map[string]string
}

type partitionHolding struct {
	Start, Stable, End int64
	Batches            []string
	Aborted            []string
	Records            int
}

// golden unpacks the archive: Kafka's log directory, and what it holds.
func golden(t *testing.T) (dir string, h *holding) {
	t.Helper()
	root := t.TempDir()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		unpack(t, filepath.Join(root, filepath.FromSlash(head.Name)), head, r)
	}
	text, err := os.ReadFile(filepath.Join(root, "holding.json"))
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "data"), h
}

func unpack(t *testing.T, name string, head *tar.Header, r io.Reader) {
	t.Helper()
	if head.Typeflag == tar.TypeDir {
		must(t, os.MkdirAll(name, 0o755))
		return
	}
	b, err := io.ReadAll(r)
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, b, 0o644))
	must(t, os.Chtimes(name, head.ModTime, head.ModTime))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fingerprint is a directory tree: every file's content and time, for it must not
// change.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			all[name], err = os.Readlink(name)
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := e.Info()
		all[name] = fmt.Sprintf("%x %v", sha256.Sum256(b), info.ModTime())
		return err
	}))
	return all
}

// imported imports and fails the test if that fails.
func imported(t *testing.T, dir string, o interchange.Options) (data string, r *interchange.Receipt) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	r, err := interchange.Import([]string{dir}, data, o)
	must(t, err)
	return data, r
}

// image reads a data directory's metadata.
func image(t *testing.T, data string) *metadata.Image {
	t.Helper()
	s, err := logstore.Open(filepath.Join(data, "moldau", "metadata"), logstore.Options{ReadOnly: true})
	must(t, err)
	img, err := controller.ReadImage(s)
	must(t, errors.Join(err, s.Close()))
	return img
}

// checkHolds compares a data directory with what a broker held.
func checkHolds(t *testing.T, data string, want *holding) {
	t.Helper()
	img := image(t, data)
	s, err := logstore.Open(data, logstore.Options{ReadOnly: true})
	must(t, err)
	defer s.Close()
	if img.TopicCount() != len(want.Topics) || len(s.Logs()) != img.PartitionCount() {
		t.Errorf("%d topics, %d partitions, %d logs", img.TopicCount(), img.PartitionCount(), len(s.Logs()))
	}
	for name, w := range want.Topics {
		topic, ok := img.Topic(name)
		if !ok || len(topic.Partitions) != len(w.Partitions) {
			t.Errorf("topic %s is missing, or has not %d partitions", name, len(w.Partitions))
			continue
		}
		id, err := logstore.ParseTopicID(topic.ID.String())
		must(t, err)
		if hex.EncodeToString(id[:]) != hex.EncodeToString(topicID(t, w.ID)) {
			t.Errorf("topic %s has the id %s, had %s", name, topic.ID, w.ID)
		}
		for key, value := range w.Configs {
			if topic.Configs[key] != value {
				t.Errorf("config %s of %s is %q, was %q", key, name, topic.Configs[key], value)
			}
		}
		for n := range w.Partitions {
			log, err := s.Log(logstore.TopicPartition{Topic: name, Partition: int32(n)})
			must(t, err)
			if log.ID() != id {
				t.Errorf("%s is of a topic with id %s", log.Name(), log.ID())
			}
			if got := log.LatestEpoch(); got > topic.Partitions[n].LeaderEpoch {
				t.Errorf("%s has the leader epoch %d, and records of %d", log.Name(), topic.Partitions[n].LeaderEpoch, got)
			}
			checkLog(t, log, &w.Partitions[n])
		}
	}
}

func topicID(t *testing.T, s string) []byte {
	t.Helper()
	id, err := logstore.ParseTopicID(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "="))
	must(t, err)
	return id[:]
}

func checkLog(t *testing.T, log *logstore.Log, want *partitionHolding) {
	t.Helper()
	if got := [3]int64{log.StartOffset(), log.Offset(logstore.LastStable), log.Offset(logstore.LogEnd)}; got != [3]int64{want.Start, want.Stable, want.End} {
		t.Errorf("%s: start, last stable and end are %v, were %d %d %d", log.Name(), got, want.Start, want.Stable, want.End)
	}
	var batches []string
	for b, err := range log.Batches(t.Context(), log.StartOffset(), logstore.LogEnd) {
		must(t, err)
		sum := sha256.Sum256(b)
		batches = append(batches, fmt.Sprintf("%d-%d epoch %d %s", b.BaseOffset(), b.LastOffset(), b.LeaderEpoch(), hex.EncodeToString(sum[:8])))
	}
	if !slices.Equal(batches, want.Batches) {
		t.Errorf("%s has %d batches, had %d, and they differ", log.Name(), len(batches), len(want.Batches))
	}
	aborted, err := log.AbortedTransactions(nil, log.StartOffset(), log.Offset(logstore.LastStable))
	must(t, err)
	var lines []string
	for _, a := range aborted {
		lines = append(lines, fmt.Sprintf("%d %d", a.ProducerID, a.First))
	}
	slices.Sort(lines)
	if !slices.Equal(lines, want.Aborted) {
		t.Errorf("%s: aborted are %v, were %v", log.Name(), lines, want.Aborted)
	}
}

// sound lets the engine's checker look at a data directory.
func sound(t *testing.T, data string) {
	t.Helper()
	fsys, err := vfs.OpenOSReadOnly(data)
	must(t, err)
	defer fsys.Close()
	report, err := logstore.Check(fsys, ".", logstore.CheckOptions{Deep: true})
	must(t, err)
	for _, f := range report.Findings {
		if f.Severity == logstore.Fault {
			t.Error(f)
		}
	}
}

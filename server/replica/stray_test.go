package replica_test

import (
	"path"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/server/metadata"
	"moldau/server/replica"
)

// dirs lists the directories of logs.
func (f *fixture) dirs() []string {
	f.t.Helper()
	entries, err := f.fs.ReadDir("data/logs")
	if err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// hasDir tells whether there is a directory whose name begins and ends so.
func (f *fixture) hasDir(prefix, suffix string) bool {
	f.t.Helper()
	for _, name := range f.dirs() {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// leave puts a log with one record on disk that the cluster knows nothing of,
// as a deletion that did not get to the disk does.
func (f *fixture) leave(topic string, id logstore.TopicID, records int) {
	f.t.Helper()
	log, err := f.store.Create(logstore.TopicPartition{Topic: topic}, id, logstore.DefaultConfig())
	if err != nil {
		f.t.Fatal(err)
	}
	for range records {
		if _, err := log.AppendLeader(batch(f.t), 0); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestLogOfNoTopicIsSetAsideAtStart(t *testing.T) {
	f := start(t)
	f.apply(topic("other", 1))
	f.leave("stray", logstore.TopicID{9}, 1)
	f.leave("__cluster_metadata", logstore.TopicID{15: 1}, 1)
	f.restart()
	if _, ok := f.manager.Topic("stray"); ok {
		t.Error("it is served")
	}
	if f.hasDir("stray-0", "-0") || !f.hasDir("stray-0.", "-stray") {
		t.Errorf("it is not set aside: %v", f.dirs())
	}
	if !strings.Contains(f.log.String(), "level=WARN msg=\"log was set aside") || !strings.Contains(f.log.String(), "partition=stray-0") {
		t.Errorf("nobody is warned: %s", f.log.String())
	}
	if !f.hasDir("__cluster_metadata-0", "-0") {
		t.Errorf("Kafka's metadata is not in its place: %v", f.dirs())
	}
	// The name is free, and none of the records is in what takes it.
	f.apply(topic("stray", 7), partitions(7, 0, led(node, node)))
	if a := f.append("stray", 0); a.First != 0 {
		t.Errorf("the new topic begins at %d", a.First)
	}
}

// A topic was created again under the name of one whose directory came back.
func TestLogOfAnotherTopicIsSetAside(t *testing.T) {
	for _, r := range []struct {
		name    string
		id      logstore.TopicID
		records int
		stray   bool
	}{
		{"of another id", logstore.TopicID{9}, 1, true},
		{"without id", logstore.TopicID{}, 1, true},
		{"without id and records", logstore.TopicID{}, 0, false},
	} {
		t.Run(r.name, func(t *testing.T) {
			f := start(t)
			f.apply(&metadata.BrokerRecord{ID: node}) // the first: from here on topics are new
			f.leave("t", r.id, r.records)
			f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
			if a := f.append("t", 0); a.First != 0 {
				t.Errorf("the topic begins at %d", a.First)
			}
			if log, err := f.partition("t", 0).Local(); err != nil || log.ID() != logstore.TopicID(id(7)) {
				t.Errorf("its log has another id, or: %v", err)
			}
			if got := f.hasDir("t-0.", "-stray"); got != r.stray {
				t.Errorf("set aside: %v, want %v; there are %v", got, r.stray, f.dirs())
			}
		})
	}
}

// The same, found at a start.
func TestLogsOfTopicsThatExisted(t *testing.T) {
	for _, r := range []struct {
		name    string
		id      logstore.TopicID
		records int
		first   int64 // offset of the next append
		stray   bool
	}{
		{"its own", logstore.TopicID(id(7)), 1, 1, false},
		{"of another id", logstore.TopicID{9}, 1, 0, true},
		// As Kafka wrote them before topics had ids, or a lost manifest leaves them.
		{"without id", logstore.TopicID{}, 1, 1, false},
		// A crash in the middle of a creation.
		{"without id and records", logstore.TopicID{}, 0, 0, false},
	} {
		t.Run(r.name, func(t *testing.T) {
			f := start(t)
			f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
			if err := f.store.Delete(logstore.TopicPartition{Topic: "t"}); err != nil {
				t.Fatal(err)
			}
			f.leave("t", r.id, r.records)
			f.restart()
			if a := f.append("t", 0); a.First != r.first {
				t.Errorf("the log goes on at %d, want %d", a.First, r.first)
			}
			log, err := f.partition("t", 0).Local()
			if err != nil || log.ID() != logstore.TopicID(id(7)) {
				t.Errorf("its log has id %s, %v", log.ID(), err)
			}
			if got := f.hasDir("t-0.", "-stray"); got != r.stray {
				t.Errorf("set aside: %v, want %v; there are %v", got, r.stray, f.dirs())
			}
			f.restart()
			if a := f.append("t", 0); a.First != r.first+1 {
				t.Errorf("after another restart it goes on at %d", a.First)
			}
		})
	}
}

// What does not open is kept for its topic, and in nobody's way otherwise.
func TestLogThatDoesNotOpen(t *testing.T) {
	f := start(t)
	f.apply(topic("old", 7), partitions(7, 0, led(node, node)), topic("gone", 8), partitions(8, 0, led(node, node)))
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old-0", "gone-0"} {
		file, err := f.fs.OpenFile(path.Join("data/logs", name, "partition.metadata"), 0x2, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte("garbage"), 0); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
	}
	if err := f.fs.Remove("data/moldau/manifest"); err != nil { // by which the files would not be looked at
		t.Fatal(err)
	}
	f.restart()
	if err := f.partition("old", 0).Offline(); err == nil {
		t.Error("a log that does not open is served")
	}
	if f.hasDir("old-0.", "-stray") {
		t.Error("a topic's own log was set aside")
	}
	f.apply(removed(8))
	f.apply(topic("gone", 9), partitions(9, 0, led(node, node)))
	f.append("gone", 0)
	if _, _, err := f.partition("gone", 0).Lead(replica.NoEpoch); err != nil {
		t.Error(err)
	}
}

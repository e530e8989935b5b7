package interchange_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/interchange"
	"moldau/server/kraft"
	"moldau/server/metadata"
	"moldau/server/servertest"
)

// exported exports and fails the test if that fails.
func exported(t *testing.T, data string, o interchange.Options) (dir string, r *interchange.Receipt) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "kafka")
	r, err := interchange.Export(data, dir, o)
	must(t, err)
	return dir, r
}

func TestExportIsImportedAgainWhole(t *testing.T) {
	for _, method := range []interchange.Method{interchange.Copy, interchange.Link, interchange.Move} {
		t.Run(method.String(), func(t *testing.T) {
			golden, want := golden(t)
			data, _ := imported(t, golden, interchange.Options{})
			first := image(t, data)
			before := fingerprint(t, data)
			dir, r := exported(t, data, interchange.Options{Method: method})
			if linked := r.FilesLinked > 0; linked != (method != interchange.Copy) {
				t.Errorf("%d files were linked", r.FilesLinked)
			}
			if method == interchange.Move {
				checkGone(t, data)
			} else if !maps.Equal(fingerprint(t, data), before) {
				t.Error("the source has changed")
			}
			again, _ := imported(t, dir, interchange.Options{})
			checkHolds(t, again, want)
			sound(t, again)
			second := image(t, again)
			if second.ClusterID() != first.ClusterID() || second.NextProducerID() != first.NextProducerID() {
				t.Errorf("cluster %s, next producer id %d", second.ClusterID(), second.NextProducerID())
			}
			for _, topic := range first.Topics() {
				now, _ := second.TopicByID(topic.ID)
				if now == nil || !maps.Equal(now.Configs, topic.Configs) || !slices.EqualFunc(now.Partitions, topic.Partitions, samePartition) {
					t.Errorf("topic was %+v, is %+v", topic, now)
				}
			}
			if !maps.Equal(first.BrokerConfig(1), second.BrokerConfig(1)) || !maps.Equal(first.BrokerConfig(-1), second.BrokerConfig(-1)) {
				t.Errorf("broker configs were %v, are %v", first.BrokerConfig(1), second.BrokerConfig(1))
			}
		})
	}
}

func samePartition(a, b metadata.Partition) bool {
	return a.Leader == b.Leader && a.LeaderEpoch == b.LeaderEpoch && slices.Equal(a.Replicas, b.Replicas)
}

// checkGone: nothing is left under the old name, and no log under the new one.
func checkGone(t *testing.T, data string) {
	t.Helper()
	if _, err := os.Lstat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there still: %v", data, err)
	}
	logs, err := filepath.Glob(filepath.Join(data+".exported", "logs", "*-[0-9]*"))
	if err != nil || len(logs) > 0 {
		t.Errorf("logs are left: %v, %v", logs, err)
	}
}

// What a broker of ours wrote, with what it alone has: a config of its own, bytes
// that recovery put aside, a deleted topic.
func TestExportOfOurOwnBroker(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	b := servertest.Start(t, server.Config{DataDir: data, NodeID: 7})
	createTopic(t, b, "ours", 2, map[string]string{"moldau.durability": "os", "retention.ms": "123456789"})
	log, err := b.Server().Log(logstore.TopicPartition{Topic: "ours", Partition: 1})
	must(t, err)
	for range 10 {
		_, err := log.Append(context.Background(), record.Record{Key: []byte("k"), Value: []byte("v")})
		must(t, err)
	}
	b.Close()
	must(t, os.WriteFile(filepath.Join(data, "logs", "ours-1", "00000000000000000000.cut"), []byte("aside"), 0o644))
	must(t, os.Mkdir(filepath.Join(data, "logs", "old-0.0123456789abcdef0123456789abcdef-stray"), 0o755))

	dir, r := exported(t, data, interchange.Options{})
	fsys, err := vfs.OpenOSReadOnly(dir)
	must(t, err)
	defer fsys.Close()
	img, _, err := kraft.Read(fsys, ".")
	must(t, err)
	topic, ok := img.Topic("ours")
	if !ok || len(topic.Partitions) != 2 || topic.Partitions[0].Leader != -1 || !slices.Equal(topic.Partitions[0].ISR, []int32{7}) {
		t.Errorf("topic is %+v", topic)
	}
	want := map[string]string{"retention.ms": "123456789"}
	if got := img.Configs[kraft.Resource{Type: kraft.ResourceTopic, Name: "ours"}]; !maps.Equal(got, want) {
		t.Errorf("configs are %v", got)
	}
	if img.Features["metadata.version"] != 30 {
		t.Errorf("features are %v", img.Features)
	}
	for _, name := range []string{"recovery-point-offset-checkpoint", "replication-offset-checkpoint"} {
		c, err := kraft.ReadCheckpoint(fsys, ".", name)
		if err != nil || len(c) != 2 || c[logstore.TopicPartition{Topic: "ours", Partition: 1}] != 10 {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	meta, err := kraft.ReadMetaProperties(fsys, ".")
	if err != nil || meta.NodeID != 7 || meta.ClusterID != r.ClusterID || meta.DirectoryID == "" {
		t.Errorf("%+v, %v", meta, err)
	}
	names := fingerprint(t, dir)
	for name := range names {
		if strings.HasSuffix(name, ".cut") || strings.Contains(name, "-stray") || filepath.Base(name) == ".lock" {
			t.Errorf("%s came along", name)
		}
	}
	var told []string
	for _, n := range r.NotTaken {
		told = append(told, n.What)
	}
	if text := strings.Join(told, "\n"); !strings.Contains(text, "config moldau.durability of topic ours") || !strings.Contains(text, "-stray") {
		t.Errorf("not taken are %s", text)
	}
}

func createTopic(t *testing.T, b *servertest.Broker, name string, partitions int32, configs map[string]string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	for key, value := range configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = key, &value
		topic.Configs = append(topic.Configs, c)
	}
	req.Topics = append(req.Topics, topic)
	if resp := b.Dial().Request(req).(*kmsg.CreateTopicsResponse); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create %s: error %d", name, resp.Topics[0].ErrorCode)
	}
}

func TestExportRefuses(t *testing.T) {
	golden, _ := golden(t)
	data, _ := imported(t, golden, interchange.Options{})
	for _, c := range []struct {
		name  string
		spoil func(data string)
		want  error
	}{
		{"what was not closed cleanly", func(data string) {
			must(t, os.Remove(filepath.Join(data, "logs", ".kafka_cleanshutdown")))
		}, interchange.ErrUnclean},
		{"metadata that was not closed cleanly", func(data string) {
			must(t, os.Remove(filepath.Join(data, "moldau", "metadata", "logs", ".kafka_cleanshutdown")))
		}, interchange.ErrUnclean},
		{"a journal", func(data string) {
			must(t, os.MkdirAll(filepath.Join(data, "moldau", "journal"), 0o755))
			must(t, os.WriteFile(filepath.Join(data, "moldau", "journal", "00000000.journal"), nil, 0o644))
		}, interchange.ErrUnclean},
		{"what has no logs", func(data string) { must(t, os.RemoveAll(filepath.Join(data, "logs"))) }, interchange.ErrSource},
		{"what has no metadata", func(data string) { must(t, os.RemoveAll(filepath.Join(data, "moldau"))) }, interchange.ErrUnclean},
		{"what lacks a partition", func(data string) { must(t, os.RemoveAll(filepath.Join(data, "logs", "plain-1"))) }, interchange.ErrMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "data")
			must(t, os.CopyFS(copied, os.DirFS(data)))
			c.spoil(copied)
			target := filepath.Join(t.TempDir(), "kafka")
			if _, err := interchange.Export(copied, target, interchange.Options{}); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			nothingAt(t, target)
		})
	}
	b := servertest.Start(t, server.Config{DataDir: data, NodeID: 1})
	defer b.Close()
	if _, err := interchange.Export(data, filepath.Join(t.TempDir(), "kafka"), interchange.Options{}); !errors.Is(err, interchange.ErrInUse) {
		t.Errorf("of a running broker: %v", err)
	}
}

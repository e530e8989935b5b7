package interchange_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server"
	"moldau/server/interchange"
	"moldau/server/servertest"
)

func TestImportTakesEverythingOver(t *testing.T) {
	for _, method := range []interchange.Method{interchange.Copy, interchange.Link, interchange.Move} {
		t.Run(method.String(), func(t *testing.T) {
			dir, want := golden(t)
			before := fingerprint(t, dir)
			data, r := imported(t, dir, interchange.Options{Method: method})
			checkHolds(t, data, want)
			sound(t, data)
			if linked := r.FilesLinked > 0; linked != (method != interchange.Copy) {
				t.Errorf("%d files were linked", r.FilesLinked)
			}
			if method == interchange.Move {
				checkRetired(t, dir)
			} else if !maps.Equal(fingerprint(t, dir), before) {
				t.Error("the source has changed")
			}
			if !r.Clean || len(r.Recovered) > 0 || r.Partitions() != 15 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// checkRetired: nothing of the topics is left, and no Kafka starts there.
func checkRetired(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if e.IsDir() && e.Name() != "__cluster_metadata-0" || e.Name() == "meta.properties" {
			t.Errorf("%s is left", e.Name())
		}
	}
	_, err = os.Stat(filepath.Join(dir, "meta.properties.imported"))
	must(t, err)
}

func TestImportTellsWhatItLeavesBehind(t *testing.T) {
	dir, _ := golden(t)
	must(t, os.Mkdir(filepath.Join(dir, "gone-0.0123456789abcdef0123456789abcdef-delete"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "unheard-of-3"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "remote-log-index-cache"), 0o755))
	data, r := imported(t, dir, interchange.Options{Version: "v1"})
	var told strings.Builder
	for _, n := range r.NotTaken {
		told.WriteString(n.What + ": " + n.Reason + "\n")
	}
	for _, want := range []string{
		"quota producer_byte_rate of user alice: ", "user alice SCRAM-SHA-256: ", "gone-0.0123456789abcdef0123456789abcdef-delete: ",
		"unheard-of-3: no topic ", "remote-log-index-cache: ", "config compression.type of topic __transaction_state: ",
	} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q is not told in\n%s", want, &told)
		}
	}
	if r.Configs["broker 1: message.max.bytes"] != "3000000" || image(t, data).BrokerConfig(1)["message.max.bytes"] != "3000000" {
		t.Errorf("broker configs are %v", r.Configs)
	}
	if r.NextProducerID == 0 || image(t, data).NextProducerID() != r.NextProducerID {
		t.Errorf("next producer id is %d, was %d", image(t, data).NextProducerID(), r.NextProducerID)
	}
	text, err := os.ReadFile(filepath.Join(data, "moldau", "import.json"))
	must(t, err)
	var kept interchange.Receipt
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&kept); err != nil || len(kept.NotTaken) != len(r.NotTaken) || kept.Moldau != "v1" {
		t.Errorf("kept is %s, %v", text, err)
	}
}

func TestBrokerServesWhatWasImported(t *testing.T) {
	dir, want := golden(t)
	data, _ := imported(t, dir, interchange.Options{})
	b := servertest.Start(t, server.Config{DataDir: data, NodeID: 1})
	c := b.Dial()
	for group, offsets := range want.Groups {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Version, req.Group = 7, group
		for {
			resp := c.Request(req).(*kmsg.OffsetFetchResponse)
			if resp.ErrorCode == 14 || resp.ErrorCode == 16 { // loading
				continue
			}
			checkGroup(t, group, resp, offsets)
			break
		}
	}
	produce := kmsg.NewPtrMetadataRequest()
	produce.Version = 12
	for _, topic := range c.Request(produce).(*kmsg.MetadataResponse).Topics {
		for _, p := range topic.Partitions {
			if p.ErrorCode != 0 || p.Leader != 1 {
				t.Errorf("%s-%d: error %d, leader %d", *topic.Topic, p.Partition, p.ErrorCode, p.Leader)
			}
		}
	}
}

func checkGroup(t *testing.T, group string, resp *kmsg.OffsetFetchResponse, want map[string]string) {
	t.Helper()
	n := 0
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			n++
			key := topic.Topic + "-" + string(rune('0'+p.Partition))
			text := describe(p.Offset, p.LeaderEpoch, p.Metadata)
			if want[key] != text {
				t.Errorf("group %s, %s: %s, was %s", group, key, text, want[key])
			}
		}
	}
	if n != len(want) {
		t.Errorf("group %s has %d offsets, had %d (error %d)", group, n, len(want), resp.ErrorCode)
	}
}

// zero-filled indexes, records behind a stale recovery point, a torn tail: what
// kill -9 leaves.
func TestImportRecoversWhatWasKilled(t *testing.T) {
	for _, method := range []interchange.Method{interchange.Copy, interchange.Link} {
		t.Run(method.String(), func(t *testing.T) {
			dir, want := golden(t)
			kill(t, dir)
			before := fingerprint(t, dir)
			data, r := imported(t, dir, interchange.Options{Method: method})
			checkHolds(t, data, want)
			sound(t, data)
			if r.Clean || len(r.Recovered) != 1 || r.Recovered[0].Log != "plain-1" || r.Recovered[0].BytesCut != 40 {
				t.Errorf("recovered: %+v, clean %v", r.Recovered, r.Clean)
			}
			if !maps.Equal(fingerprint(t, dir), before) {
				t.Error("the source has changed")
			}
		})
	}
}

// kill makes a cleanly closed directory what it is after kill -9: plain-1 ends
// with part of a batch, and so does the metadata log.
func kill(t *testing.T, dir string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(dir, ".kafka_cleanshutdown")))
	must(t, os.WriteFile(filepath.Join(dir, "recovery-point-offset-checkpoint"), []byte("0\n2\ntransactions 0 198\nplain 1 10\n"), 0o644))
	for _, log := range []string{"plain-1", "__cluster_metadata-0"} {
		name := filepath.Join(dir, log, "00000000000000000000.log")
		b, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(name, append(b, b[:40]...), 0o644))
	}
	indexes, err := filepath.Glob(filepath.Join(dir, "plain-*", "*index"))
	must(t, err)
	for _, index := range indexes {
		must(t, os.Truncate(index, 10<<20/12*12))
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	dir, _ := golden(t)
	before := fingerprint(t, dir)
	parent := t.TempDir()
	r, err := interchange.Import([]string{dir}, filepath.Join(parent, "data"), interchange.Options{DryRun: true, Method: interchange.Move})
	must(t, err)
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 || !maps.Equal(fingerprint(t, dir), before) {
		t.Errorf("something was written: %v, %v", entries, err)
	}
	if r.Partitions() != 15 || r.Files == 0 || r.FilesLinked == 0 || len(r.NotTaken) == 0 || !r.DryRun {
		t.Errorf("%+v", r)
	}
}

func TestImportOfSeveralDirectories(t *testing.T) {
	dir, want := golden(t)
	other := t.TempDir()
	for _, name := range []string{"meta.properties", ".kafka_cleanshutdown", "recovery-point-offset-checkpoint"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(other, name), b, 0o644))
	}
	for _, name := range []string{"plain-1", "transactions-0", "__consumer_offsets-2"} {
		must(t, os.Rename(filepath.Join(dir, name), filepath.Join(other, name)))
	}
	// Of metadata.log.dir nobody says that it was closed cleanly.
	metadata := t.TempDir()
	b, err := os.ReadFile(filepath.Join(dir, "meta.properties"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(metadata, "meta.properties"), b, 0o644))
	must(t, os.Rename(filepath.Join(dir, "__cluster_metadata-0"), filepath.Join(metadata, "__cluster_metadata-0")))
	data := filepath.Join(t.TempDir(), "data")
	r, err := interchange.Import([]string{other, dir, metadata}, data, interchange.Options{})
	must(t, err)
	checkHolds(t, data, want)
	if !r.Clean {
		t.Error("taken for killed")
	}

	// One of two that was killed makes both so.
	must(t, os.Remove(filepath.Join(other, ".kafka_cleanshutdown")))
	data = filepath.Join(t.TempDir(), "data")
	r, err = interchange.Import([]string{other, dir, metadata}, data, interchange.Options{})
	must(t, err)
	checkHolds(t, data, want)
	if r.Clean {
		t.Error("taken for closed cleanly")
	}
}

func TestMissingPartitionMayBeginEmpty(t *testing.T) {
	dir, want := golden(t)
	must(t, os.RemoveAll(filepath.Join(dir, "plain-1")))
	data, r := imported(t, dir, interchange.Options{MissingEmpty: true})
	w := want.Topics["plain"]
	w.Partitions[1] = partitionHolding{}
	checkHolds(t, data, want)
	if !strings.Contains(strings.Join(r.Notes, "\n"), "plain-1 begins empty") {
		t.Errorf("notes: %q", r.Notes)
	}
}

// describe is a committed offset in the words of the archive.
func describe(offset int64, epoch int32, metadata *string) string {
	text := ""
	if metadata != nil {
		text = *metadata
	}
	return fmt.Sprintf("offset %d epoch %d %q", offset, epoch, text)
}

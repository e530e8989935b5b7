package server

import (
	"errors"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server/controller"
	"moldau/server/metadata/configs"
)

// In the package, because what it prevents happens in the background: default
// retention on a log that nobody decided about.
func TestLogsNobodyDecidedAboutAreKept(t *testing.T) {
	for name, o := range map[string]logstore.Options{"data": dataOptions(configs.Layers{}), "metadata": metadataOptions()} {
		if o.Log.RetentionMs != -1 || o.Log.RetentionBytes != -1 {
			t.Errorf("%s: logs are kept for %d ms and %d bytes", name, o.Log.RetentionMs, o.Log.RetentionBytes)
		}
		if err := o.Log.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// The cluster's metadata outlives any time without a change: retention looks at a log as
// soon as its store is open, which is before the controller is.
func TestMetadataIsKeptForEver(t *testing.T) {
	o := metadataOptions()
	mem, clock := vfs.NewMem(), &stepped{}
	o.FS, o.Clock, o.Manual = mem, clock, true
	name := logstore.TopicPartition{Topic: "__metadata"}
	for restart := range 3 {
		store, err := logstore.Open("metadata", o)
		if err != nil {
			t.Fatal(err)
		}
		if restart == 0 {
			_, err = store.Create(name, logstore.TopicID{1}, controller.LogConfig())
		}
		log, err2 := store.Log(name)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if restart == 0 {
			if _, err := log.Append(t.Context(), record.Record{Value: []byte("a topic")}); err != nil {
				t.Fatal(err)
			}
		}
		store.Housekeep(clock.Now())
		if start, end := log.StartOffset(), log.Offset(logstore.LogEnd); start != 0 || end != 1 {
			t.Fatalf("it has %d to %d", start, end)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		clock.Step(30 * 24 * time.Hour)
	}
}

// Configs that are shown as in force are.
func TestStaticConfigsReachTheStore(t *testing.T) {
	reserve := func(o logstore.Options) int64 { return o.ReserveBytes }
	for _, r := range []struct {
		name, value string
		get         func(logstore.Options) int64
		want, def   int64
	}{
		{"log.flush.offset.checkpoint.interval.ms", "1234", func(o logstore.Options) int64 { return o.CheckpointMs }, 1234, 60_000},
		{"producer.id.expiration.ms", "5678", func(o logstore.Options) int64 { return o.ProducerExpiryMs }, 5678, 86_400_000},
		{"moldau.journal.bytes", "67108864", func(o logstore.Options) int64 { return o.JournalBytes }, 64 << 20, 512 << 20},
		{"moldau.open.files.max", "77", func(o logstore.Options) int64 { return int64(o.OpenFilesMax) }, 77, 0},
		{"moldau.reserve.bytes", "4096", reserve, 4096, 0},
		{"moldau.reserve.bytes", "0", reserve, -1, 0},
	} {
		if got := r.get(dataOptions(configs.Layers{Static: map[string]string{r.name: r.value}})); got != r.want {
			t.Errorf("%s of %s is %d", r.name, r.value, got)
		}
		if got := r.get(dataOptions(configs.Layers{})); got != r.def {
			t.Errorf("%s is %d by default, shown is %d", r.name, got, r.def)
		}
	}
}

// stepped is real time, and what was added to it.
type stepped struct{ by time.Duration }

func (c *stepped) Now() time.Time       { return time.Now().Add(c.by) }
func (c *stepped) Step(d time.Duration) { c.by += d }

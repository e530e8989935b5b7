package server

import (
	"testing"

	"moldau/logstore"
	"moldau/server/metadata/configs"
)

// In the package, because what it prevents happens in the background: default
// retention on a log that nobody decided about.
func TestLogsNobodyDecidedAboutAreKept(t *testing.T) {
	o := dataOptions(configs.Layers{})
	if o.Log.RetentionMs != -1 || o.Log.RetentionBytes != -1 {
		t.Errorf("logs are kept for %d ms and %d bytes", o.Log.RetentionMs, o.Log.RetentionBytes)
	}
	if err := o.Log.Validate(); err != nil {
		t.Error(err)
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

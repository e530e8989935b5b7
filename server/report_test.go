package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"moldau/logstore"
)

// In the package, because no broker could be made to meet all of these: how loud
// each event is told, and what of it.
func TestEventsAreToldAsLoudAsTheyAre(t *testing.T) {
	err := errors.New("rotten")
	for _, c := range []struct {
		event logstore.Event
		want  []string
	}{
		{logstore.LogRecovered{End: 7, BytesScanned: 30, BytesReplayed: 20, BytesCut: 10}, []string{"level=INFO", "end=7", "bytesScanned=30", "bytesReplayed=20", "bytesCut=10"}},
		{logstore.LogRecovered{BytesCut: 10, Kept: []string{"a.cut"}}, []string{"level=ERROR", "a.cut"}},
		{logstore.LogReopened{}, []string{"level=INFO", "is open"}},
		{logstore.LogNotOpened{Err: err}, []string{"level=ERROR", "offline", "err=rotten"}},
		{logstore.CheckpointIgnored{File: "f", Err: err}, []string{"level=WARN", "file=f", "err=rotten"}},
		{logstore.ManifestIgnored{Err: err}, []string{"level=ERROR", "manifest", "err=rotten"}},
		{logstore.JournalCorrupt{Err: err}, []string{"level=ERROR", "journal", "err=rotten"}},
		{logstore.SegmentsRetired{Segments: 3}, []string{"level=INFO", "segments=3"}},
		{logstore.LogPoisoned{Err: err}, []string{"level=ERROR", "err=rotten"}},
		{logstore.HousekeepingFailed{Work: "retention", Err: err}, []string{"level=ERROR", "work=retention", "err=rotten"}},
		{logstore.HousekeepingFailed{Work: "retention", Err: err, Repeated: true}, nil},
		{logstore.HousekeepingResumed{Work: "retention"}, []string{"level=INFO", "work=retention"}},
	} {
		var told bytes.Buffer
		(&Server{logger: slog.New(slog.NewTextHandler(&told, nil))}).logEvent(c.event)
		if c.want == nil && told.Len() > 0 {
			t.Errorf("%+v is told: %s", c.event, &told)
		}
		for _, want := range c.want {
			if !strings.Contains(told.String(), want) {
				t.Errorf("%T is told without %s: %s", c.event, want, &told)
			}
		}
	}
}

// A journal of the metadata's store, should it ever have one, stays small, and
// the reserve is there for it.
func TestMetadataTakesLittleAndKeepsNothingFree(t *testing.T) {
	o := metadataOptions()
	if o.JournalBytes > 8<<20 || o.JournalFileBytes > o.JournalBytes/2 {
		t.Errorf("a journal of %d bytes in files of %d", o.JournalBytes, o.JournalFileBytes)
	}
	if o.ReserveBytes != -1 {
		t.Errorf("%d bytes are kept free of what gives room back", o.ReserveBytes)
	}
}

package logstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

func statOf(t *testing.T, fsys vfs.FS, dir string, deep bool) *logstore.StatReport {
	t.Helper()
	r, err := logstore.Stat(fsys, dir, logstore.StatOptions{Deep: deep})
	must(t, err)
	return r
}

func TestStatTellsWhatAStoreHolds(t *testing.T) {
	m, all := storeImage(t)
	m["data/logs/u-3/00000000000000000005.cut"] = []byte("123")
	m["data/logs/u-3/00000000000000000000.log.deleted"] = []byte("12345")
	r := statOf(t, m.fs(t), "data", false)
	if !r.Clean || len(r.Logs) != 2 || r.Logs[0].Log != "u-3" || r.Total.Segments != r.Logs[0].Segments+r.Logs[1].Segments {
		t.Fatalf("%+v", r)
	}
	for _, l := range r.Logs {
		name := tp
		if l.Log == "u-3" {
			name = otherTP
		}
		var data int64
		for _, file := range logFiles(m, l.Directory) {
			data += int64(len(m[file]))
		}
		if n := int64(len(all[name])); l.Records != n || l.End != n || l.Start != 0 || l.Batches != 43 || l.DataBytes != data ||
			l.RecoveryPoint != n || l.BytesBehind != 0 || l.Producers != 1 || l.TornBytes != 0 || len(l.Notes) > 0 {
			t.Errorf("%+v", l)
		}
		if fmt.Sprint(l.Epochs) != "[{0 0} {1 50} {2 100}]" || l.TimestampMin != newClock().ms() || l.TimestampMax != newClock().ms()+42+2 ||
			len(l.Codecs) != 5 || l.OffsetEntries == 0 || l.TimeEntries < l.Segments || l.BatchBytes() != data/43 {
			t.Errorf("%+v", l)
		}
		for _, c := range l.Codecs {
			if plain := c.Codec == "none"; c.Batches < 8 || c.Bytes == 0 || plain != (c.Unpacked == c.Bytes) || !plain && c.Unpacked != -1 {
				t.Errorf("%+v", c)
			}
		}
	}
	if l := r.Logs[0]; l.CutFiles != 1 || l.CutBytes != 3 || l.DeletedFiles != 1 || l.DeletedBytes != 5 {
		t.Errorf("%+v", l)
	}
	for _, c := range statOf(t, m.fs(t), "data/logs/t-0", true).Total.Codecs {
		if c.Unpacked <= 0 {
			t.Errorf("%+v", c)
		}
	}
}

// TestStatOfWhatIsBeingWritten has half a batch at the end, and more than a
// recovery point knows of.
func TestStatOfWhatIsBeingWritten(t *testing.T) {
	m, all := storeImage(t)
	delete(m, "data/logs/.kafka_cleanshutdown")
	m["data/logs/recovery-point-offset-checkpoint"] = []byte("0\n1\nt 0 103\n")
	files := logFiles(m, "data/logs/t-0")
	last := files[len(files)-1]
	behind := int64(len(m[last]) - batchAt(m, last, 3))
	m[last] = append(bytes.Clone(m[last]), m[last][:90]...)
	r := statOf(t, m.fs(t), "data/logs/t-0", false)
	l := r.Logs[0]
	if r.Clean || l.TornBytes != 90 || l.End != int64(len(all[tp])) || l.BytesBehind != behind || l.RecoveryPoint != 103 {
		t.Errorf("%+v, want %d behind", r, behind)
	}
}

func TestStatTellsOfTransactions(t *testing.T) {
	var data []byte
	add := func(base, id int64, control bool) {
		o := record.BuilderOptions{BaseOffset: base, Transactional: true, Control: control, Producer: &record.Producer{ID: id, BaseSequence: int32(base)}}
		key, value := []byte("k"), []byte("v")
		if control {
			o.Producer.BaseSequence, key, value = -1, []byte{0, 0, 0, 1}, make([]byte, 6)
		}
		b := record.NewBuilder(o)
		b.Append(imageTimestamp+base, key, value)
		batch, err := b.Finish()
		must(t, err)
		data = append(data, batch...)
	}
	add(0, 1, false)
	add(1, 2, false)
	add(2, 1, true)
	add(3, 2, false)
	m := image{"p/t-0/00000000000000000000.log": data, "p/t-0/00000000000000000000.txnindex": imageAborted(0, 5, 0, 1)}
	l := statOf(t, m.fs(t), "p/t-0", false).Logs[0]
	if l.Producers != 2 || fmt.Sprint(l.Open) != "[{2 1}]" || l.Aborted != 1 || l.RecoveryPoint != -1 || l.BytesBehind != int64(len(data)) {
		t.Errorf("%+v", l)
	}
}

func TestStatGoesOnOverDamage(t *testing.T) {
	sound, _ := storeImage(t)
	m := maps.Clone(sound)
	m["data/logs/t-0/leader-epoch-checkpoint"] = []byte("x")
	files := logFiles(m, "data/logs/t-0")
	m[beside(files[1], ".index")] = []byte("x")
	flipBit(m, files[1], 16)
	r := statOf(t, m.fs(t), "data", false)
	l := r.Logs[1]
	if l.Log != "t-0" || len(l.Notes) != 2 || !strings.Contains(l.Notes[0], ".index") || l.TornBytes != int64(len(m[files[1]])) {
		t.Errorf("%+v", l)
	}
}

func TestStatEndsWhenItsProgressFails(t *testing.T) {
	m, _ := storeImage(t)
	stop := errors.New("stop")
	if _, err := logstore.Stat(m.fs(t), "data", logstore.StatOptions{Progress: func(logstore.CheckProgress) error { return stop }}); !errors.Is(err, stop) {
		t.Error(err)
	}
	if _, err := logstore.Stat(m.fs(t), "nothing", logstore.StatOptions{}); !errors.Is(err, logstore.ErrNotFound) {
		t.Error(err)
	}
}

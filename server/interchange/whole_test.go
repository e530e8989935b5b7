package interchange_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moldau/logstore/vfs"
	"moldau/server/interchange"
	"moldau/server/kraft"
)

// removeSegment removes all files of a segment.
func removeSegment(t *testing.T, dir string, base int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("%020d.*", base)))
	must(t, err)
	if len(files) == 0 {
		t.Fatalf("%s has no segment %d", dir, base)
	}
	for _, name := range files {
		must(t, os.Remove(name))
	}
}

// lead replaces what is at name by a link to where it is now.
func lead(t *testing.T, name string) {
	t.Helper()
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	must(t, os.Rename(name, elsewhere))
	must(t, os.Symlink(elsewhere, name))
}

func TestImportRefusesALogThatLacksSegments(t *testing.T) {
	segment := func(base int64) string { return fmt.Sprintf("%020d.log", base) }
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  error
		says  string
	}{
		{"a segment that is a link", func(t *testing.T, dir string) { lead(t, filepath.Join(dir, "transactions-0", segment(99))) }, interchange.ErrSource, segment(99)},
		{"leader epochs that are a link", func(t *testing.T, dir string) {
			lead(t, filepath.Join(dir, "transactions-0", "leader-epoch-checkpoint"))
		}, interchange.ErrSource, "leader-epoch-checkpoint"},
		{"a segment that is a directory", func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "plain-0", segment(150)), 0o755))
		}, interchange.ErrSource, segment(150)},
		{"a partition that is a link", func(t *testing.T, dir string) { lead(t, filepath.Join(dir, "transactions-0")) }, interchange.ErrSource, "transactions-0"},
		{"records without their index", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "compacted-0", segment(120))))
		}, interchange.ErrDamaged, "00000000000000000120.index"},
		{"a middle segment", func(t *testing.T, dir string) { removeSegment(t, filepath.Join(dir, "transactions-0"), 99) }, interchange.ErrDamaged, "up to offset 198"},
		{"a middle segment above what was compacted", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "cleaner-offset-checkpoint"), []byte("0\n1\ncompacted 0 200\n"), 0o644))
			removeSegment(t, filepath.Join(dir, "compacted-0"), 120)
		}, interchange.ErrDamaged, "up to offset 279"},
		{"the last segment", func(t *testing.T, dir string) { removeSegment(t, filepath.Join(dir, "transactions-0"), 297) }, interchange.ErrDamaged, "330"},
		{"the last segment of what was killed", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, ".kafka_cleanshutdown")))
			removeSegment(t, filepath.Join(dir, "transactions-0"), 297)
		}, interchange.ErrDamaged, "330"},
		{"all segments", func(t *testing.T, dir string) { removeSegment(t, filepath.Join(dir, "plain-0"), 0) }, interchange.ErrDamaged, "150"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := golden(t)
			c.spoil(t, dir)
			before := fingerprint(t, dir)
			target := filepath.Join(t.TempDir(), "data")
			_, err := interchange.Import([]string{dir}, target, interchange.Options{Method: interchange.Move, MissingEmpty: true, Unverified: true})
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%v, want %v that says %q", err, c.want, c.says)
			}
			nothingAt(t, target)
			if !maps.Equal(fingerprint(t, dir), before) {
				t.Error("the source has changed")
			}
		})
	}
}

// What may be a loss, and may be Kafka's doing, is told.
func TestImportTellsWhatMayBeMissing(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		note  string // empty for none
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"a hole below what was compacted", func(t *testing.T, dir string) { removeSegment(t, filepath.Join(dir, "compacted-0"), 120) }, ""},
		{"a hole in a copy of what was compacted", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "cleaner-offset-checkpoint")))
			replicate(t, dir, "compacted")
			removeSegment(t, filepath.Join(dir, "compacted-0"), 120)
		}, "compacted-0: no segment reaches up to offset 279"},
		{"the first segment", func(t *testing.T, dir string) { removeSegment(t, filepath.Join(dir, "transactions-0"), 0) },
			"transactions-0 begins at offset 99, and Kafka knew of records from 0 on"},
		{"the first segment, by the checkpoint", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "transactions-0", "leader-epoch-checkpoint")))
			must(t, os.WriteFile(filepath.Join(dir, "log-start-offset-checkpoint"), []byte("0\n2\ncut 0 14\ntransactions 0 50\n"), 0o644))
			removeSegment(t, filepath.Join(dir, "transactions-0"), 0)
		}, "transactions-0 begins at offset 99, and Kafka knew of records from 50 on"},
		{"the records of a segment of what was killed", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, ".kafka_cleanshutdown")))
			must(t, os.Remove(filepath.Join(dir, "compacted-0", "00000000000000000120.log")))
		}, "there are 00000000000000000120.index"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := golden(t)
			c.spoil(t, dir)
			_, r := imported(t, dir, interchange.Options{})
			notes := strings.Join(r.Notes, "\n")
			for _, doubt := range []string{" begins at offset ", "no segment reaches", "the segments that they belong to"} {
				if c.note == "" && strings.Contains(notes, doubt) {
					t.Errorf("%s is told without need", doubt)
				}
			}
			if !strings.Contains(notes, c.note) {
				t.Errorf("%q is not told in\n%s", c.note, notes)
			}
		})
	}
}

// replicate makes a topic one of two replicas, by new metadata.
func replicate(t *testing.T, dir, name string) {
	t.Helper()
	fsys, err := vfs.OpenOS(dir)
	must(t, err)
	defer fsys.Close()
	img, _, err := kraft.Read(fsys, ".")
	must(t, err)
	must(t, os.RemoveAll(filepath.Join(dir, kraft.MetadataDir)))
	must(t, os.Remove(filepath.Join(dir, "bootstrap.checkpoint")))
	topic, _ := img.Topic(name)
	for n := range topic.Partitions {
		topic.Partitions[n].Replicas = []int32{1, 2}
	}
	img.Brokers[1] = 0
	must(t, kraft.Write(fsys, ".", img, kraft.Voter{NodeID: 1, Listener: "CONTROLLER", Host: "localhost", Port: 9093}, 0))
}

func TestImportRefusesRotInTheMetadataOfWhatWasKilled(t *testing.T) {
	dir, _ := golden(t)
	must(t, os.Remove(filepath.Join(dir, ".kafka_cleanshutdown")))
	must(t, os.Remove(filepath.Join(dir, kraft.MetadataDir, "00000000000000000075-0000000001.checkpoint")))
	log := filepath.Join(dir, kraft.MetadataDir, "00000000000000000000.log")
	b, err := os.ReadFile(log)
	must(t, err)
	flip(t, log, len(b)/3)
	target := filepath.Join(t.TempDir(), "data")
	if _, err := interchange.Import([]string{dir}, target, interchange.Options{}); !errors.Is(err, interchange.ErrDamaged) {
		t.Errorf("%v, want %v", err, interchange.ErrDamaged)
	}
	nothingAt(t, target)
}

package logstore_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// image is a directory tree as file names and contents, written by hand so that
// the checker is not measured by the engine that it shall measure.
type image map[string][]byte

func (m image) fs(t testing.TB) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		for i, r := range name {
			if r == '/' {
				if _, err := mem.Stat(name[:i]); err != nil {
					must(t, mem.Mkdir(name[:i], 0o755))
				}
			}
		}
		if path.Base(name) == "." {
			continue // a directory without files
		}
		f, err := mem.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		must(t, err)
		if len(m[name]) > 0 {
			_, err = f.WriteAt(m[name], 0)
			must(t, err)
		}
		must(t, f.Close())
	}
	return mem
}

// below returns the image with all of it moved into dir.
func (m image) below(dir string) image {
	moved := image{}
	for name, b := range m {
		moved[dir+"/"+name] = b
	}
	return moved
}

const (
	imageBatches   = 6 // a segment
	imageRecords   = 3 // a batch
	imageTimestamp = 1_700_000_000_000
)

// A transaction in the second segment, and where its abort marker is: a batch of
// one record that takes as many offsets as the others.
const (
	imageProducer = 5
	imageTxnFirst = 21
	imageTxnAbort = 30
)

// imageSegment is the three files of a segment of batches of imageRecords
// records each, of which those that skip holds were compacted away. Every batch
// but the first is indexed.
func imageSegment(t *testing.T, base int64, codec record.Codec, skip ...int) (data, offsets, times []byte) {
	t.Helper()
	for i := range imageBatches {
		if slices.Contains(skip, i) {
			continue
		}
		first := base + int64(i*imageRecords)
		b := record.NewBuilder(record.BuilderOptions{BaseOffset: first, LeaderEpoch: 4, Codec: codec})
		switch first {
		case imageTxnFirst:
			b.Reset(record.BuilderOptions{BaseOffset: first, LeaderEpoch: 4, Codec: codec, Transactional: true, Producer: &record.Producer{ID: imageProducer}})
		case imageTxnAbort:
			b.Reset(record.BuilderOptions{BaseOffset: first, LeaderEpoch: 4, LastOffsetDeltaMin: imageRecords - 1,
				Transactional: true, Control: true, Producer: &record.Producer{ID: imageProducer, BaseSequence: -1}})
			b.Append(imageTimestamp+first+imageRecords-1, record.ControlKey(record.ControlAbort), record.EndOfTransaction(0))
		}
		for j := range imageRecords {
			if first != imageTxnAbort {
				b.Append(imageTimestamp+first+int64(j), []byte{byte(j)}, fmt.Appendf(nil, "value %d", j))
			}
		}
		batch, err := b.Finish()
		must(t, err)
		last := uint32(batch.LastOffset() - base)
		if len(data) > 0 {
			offsets = binary.BigEndian.AppendUint32(offsets, last)
			offsets = binary.BigEndian.AppendUint32(offsets, uint32(len(data)))
		}
		if len(data) > 0 || i == imageBatches-1 {
			times = binary.BigEndian.AppendUint64(times, uint64(batch.MaxTimestamp()))
			times = binary.BigEndian.AppendUint32(times, last)
		}
		data = append(data, batch...)
	}
	return data, offsets, times
}

func (m image) segment(t *testing.T, dir string, base int64, codec record.Codec, skip ...int) {
	t.Helper()
	name := fmt.Sprintf("%s/%020d", dir, base)
	m[name+".log"], m[name+".index"], m[name+".timeindex"] = imageSegment(t, base, codec, skip...)
}

// The segments of the partition in soundImage, without suffix.
const (
	imageDir   = "t-0"
	sealedName = imageDir + "/00000000000000000018"
	lastName   = imageDir + "/00000000000000000036"
	imageEnd   = 54
)

// soundImage is a log directory with a partition of three segments, closed
// cleanly.
func soundImage(t *testing.T) image {
	t.Helper()
	m := image{
		"meta.properties":                  []byte("#\nversion=1\ncluster.id=c\nnode.id=1\n"),
		".kafka_cleanshutdown":             []byte(`{"version":0,"brokerEpoch":7}`),
		".lock":                            nil,
		"bootstrap.checkpoint":             nil,
		"recovery-point-offset-checkpoint": []byte("0\n1\nt 0 54\n"),
		"log-start-offset-checkpoint":      []byte("0\n0\n"),
		"replication-offset-checkpoint":    []byte("0\n1\nt 0 54\n"),
		"cleaner-offset-checkpoint":        []byte("0\n0\n"),

		imageDir + "/partition.metadata":            []byte("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ"),
		imageDir + "/leader-epoch-checkpoint":       []byte("0\n1\n4 0\n"),
		imageDir + "/00000000000000000054.snapshot": imageSnapshot(),
	}
	m.segment(t, imageDir, 0, record.None)
	m.segment(t, imageDir, 18, record.Zstd)
	m.segment(t, imageDir, 36, record.None)
	m[sealedName+".txnindex"] = imageAborted(0, imageProducer, imageTxnFirst, imageTxnAbort)
	return m
}

// imageSnapshot is a producer snapshot without producers.
func imageSnapshot() []byte {
	b := []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[6:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// imageAborted is one entry of a transaction index.
func imageAborted(version uint16, producer, first, last uint64) []byte {
	b := binary.BigEndian.AppendUint16(nil, version)
	for _, v := range []uint64{producer, first, last, last + 1} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

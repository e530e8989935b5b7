package kraft

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Names in Kafka's log directory.
const (
	// MetadataTopic is the topic of the metadata log, which has one partition.
	MetadataTopic = "__cluster_metadata"
	// MetadataDir is that partition's directory.
	MetadataDir = MetadataTopic + "-0"

	bootstrapFile = "bootstrap.checkpoint"
	logSuffix     = ".log"
)

// ErrNoMetadata tells that a directory holds no metadata log.
var ErrNoMetadata = errors.New("no " + MetadataDir)

// Source tells what an image was read from.
type Source struct {
	// Snapshot is the file that the log was read on from, empty for none.
	Snapshot string
	// Torn is what the log ends with that is no whole batch, nil for nothing: an
	// unclean end, which Kafka would cut.
	Torn *Torn
}

// Torn is the end of a file that is no whole batch.
type Torn struct {
	File  string
	At    int64 // position
	Bytes int64
	Err   error
	// Rot tells that a whole batch lies behind, so that it is not an append that was
	// cut short.
	Rot bool
}

// Read reads the metadata in the log directory dir, as it is after the last
// record. A directory in which Kafka was never started gives what it would begin
// with.
func Read(fsys vfs.FS, dir string) (*Image, Source, error) {
	names, err := fsys.ReadDir(path.Join(dir, MetadataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Source{}, fmt.Errorf("%s: %w", dir, ErrNoMetadata)
	}
	if err != nil {
		return nil, Source{}, err
	}
	l := listMetadata(fsys, path.Join(dir, MetadataDir), names)
	img, source, err := l.read()
	if err == nil && img.End == 0 {
		bootstrap := path.Join(dir, bootstrapFile)
		if _, staterr := fsys.Stat(bootstrap); staterr == nil {
			source.Snapshot = bootstrap
			img = NewImage()
			err = readSnapshot(fsys, bootstrap, img)
		}
	}
	if err == nil {
		err = img.complete()
	}
	if err != nil {
		return nil, source, fmt.Errorf("read the cluster's metadata: %w", err)
	}
	return img, source, nil
}

// metadataFiles is what the metadata log's directory holds.
type metadataFiles struct {
	fsys      vfs.FS
	dir       string
	snapshots []snapshotFile // newest first
	segments  []int64        // base offsets, rising
}

type snapshotFile struct {
	name  string
	end   int64 // offset behind the last record that it stands for
	epoch int32
}

var snapshotName = regexp.MustCompile(`^([0-9]{20})-([0-9]{10})\.checkpoint$`)

func listMetadata(fsys vfs.FS, dir string, names []fs.DirEntry) *metadataFiles {
	l := &metadataFiles{fsys: fsys, dir: dir}
	for _, e := range names {
		if m := snapshotName.FindStringSubmatch(e.Name()); m != nil {
			end, err1 := strconv.ParseInt(m[1], 10, 64)
			epoch, err2 := strconv.ParseInt(m[2], 10, 32)
			if err1 == nil && err2 == nil {
				l.snapshots = append(l.snapshots, snapshotFile{e.Name(), end, int32(epoch)})
			}
		}
		if base, ok := strings.CutSuffix(e.Name(), logSuffix); ok && len(base) == 20 {
			if offset, err := strconv.ParseInt(base, 10, 64); err == nil {
				l.segments = append(l.segments, offset)
			}
		}
	}
	// Names have a fixed width, so their order is that of offset and epoch.
	slices.SortFunc(l.snapshots, func(a, b snapshotFile) int { return strings.Compare(b.name, a.name) })
	slices.Sort(l.segments)
	return l
}

// read begins with the newest snapshot that is whole and from which the log goes
// on. The error is that of the newest: an older one is a second choice.
func (l *metadataFiles) read() (*Image, Source, error) {
	var first error
	for _, s := range append(l.snapshots, snapshotFile{}) {
		img, source := NewImage(), Source{}
		var err error
		if s.name != "" {
			source.Snapshot = path.Join(l.dir, s.name)
			err = readSnapshot(l.fsys, source.Snapshot, img)
			img.End, img.Epoch = s.end, s.epoch
		} else if len(l.segments) == 0 && first == nil {
			err = errors.New(l.dir + " has neither a log nor a snapshot")
		}
		if err == nil {
			source.Torn, err = l.readLog(img)
		}
		if err == nil {
			return img, source, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, Source{}, first
}

// readLog applies the records of the log that the image does not hold yet.
func (l *metadataFiles) readLog(img *Image) (*Torn, error) {
	a := &applier{img: img}
	for n, base := range l.segments {
		last := n == len(l.segments)-1
		if !last && l.segments[n+1] <= img.End {
			continue
		}
		name := path.Join(l.dir, fmt.Sprintf("%020d%s", base, logSuffix))
		err := forBatches(l.fsys, name, a.batch)
		var bad *badBatch
		if errors.As(err, &bad) && last {
			rot, err := wholeBehind(l.fsys, bad, img.End)
			return &Torn{bad.file, bad.at, bad.left, bad.err, rot}, err
		}
		if err != nil {
			return nil, err
		}
	}
	// What a transaction of the controller's has not ended, its next start takes
	// back.
	return nil, nil
}

// applier applies the batches of a log.
type applier struct {
	img           *Image
	inTransaction bool
	pending       []change // of the transaction
}

func (a *applier) batch(b record.Batch) error {
	switch {
	case b.LastOffset() < a.img.End:
		return nil
	case b.BaseOffset() > a.img.End:
		return fmt.Errorf("records %d to %d are missing", a.img.End, b.BaseOffset()-1)
	}
	if !b.Control() {
		for r, err := range b.Records(unpackedBytesMax) {
			if err == nil && r.Offset >= a.img.End {
				err = a.record(r.Value)
			}
			if err != nil {
				return fmt.Errorf("offset %d: %w", r.Offset, err)
			}
		}
	}
	a.img.End, a.img.Epoch = b.LastOffset()+1, b.LeaderEpoch()
	return nil
}

func (a *applier) record(value []byte) error {
	c, transaction, err := decode(value)
	if err != nil {
		return err
	}
	switch transaction {
	case typeBeginTransaction:
		a.inTransaction, a.pending = true, nil
		return nil
	case typeAbortTransaction:
		a.inTransaction, a.pending = false, nil
		return nil
	case typeEndTransaction:
		ended := a.pending
		a.inTransaction, a.pending = false, nil
		for _, c := range ended {
			if err := c(a.img); err != nil {
				return err
			}
		}
		return nil
	}
	switch {
	case c == nil:
		return nil
	case a.inTransaction:
		a.pending = append(a.pending, c)
		return nil
	}
	return c(a.img)
}

// readSnapshot reads a snapshot, which must be whole: it ends with a record that
// says so.
func readSnapshot(fsys vfs.FS, name string, img *Image) error {
	whole := false
	a := &applier{img: img}
	err := forBatches(fsys, name, func(b record.Batch) error {
		for r, err := range b.Records(unpackedBytesMax) {
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if b.Control() {
				kind, err := r.ControlType()
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				whole = whole || kind == record.ControlSnapshotFooter
			} else if err := a.record(r.Value); err != nil {
				return fmt.Errorf("%s: record %d: %w", name, r.Offset, err)
			}
		}
		return nil
	})
	if err == nil && !whole {
		err = fmt.Errorf("snapshot %s is cut short", name)
	}
	// A snapshot's offsets are its own.
	img.End = 0
	return err
}

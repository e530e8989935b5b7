package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"moldau/logstore/vfs"
)

// FileName is the manifest's, in its directory.
const (
	FileName    = "manifest"
	tmpFileName = "manifest.tmp"
)

// Read returns what the manifest in dir says. torn is that the file goes on
// behind the last good frame with what a crash left of changes that were not
// synced; it is ignored, and [Open] cuts it off. The error is fs.ErrNotExist if
// there is no manifest, ErrSetAside if a repair did not get to its end, a
// *CorruptError if it has rotted, ErrVersion if this program is too old for it.
func Read(fsys vfs.FS, dir string) (s *State, torn bool, err error) {
	s, torn, err = readNamed(fsys, path.Join(dir, FileName))
	if errors.Is(err, fs.ErrNotExist) {
		err = missing(fsys, dir, err)
	}
	return s, torn, err
}

func readNamed(fsys vfs.FS, name string) (s *State, torn bool, err error) {
	b, err := readFile(fsys, name)
	if err != nil {
		return nil, false, fmt.Errorf("read manifest: %w", err)
	}
	r := reader{b: b, state: &State{}}
	if at, err := r.read(); err != nil {
		if errors.Is(err, ErrVersion) {
			return nil, false, fmt.Errorf("%s: %w", name, err)
		}
		return nil, false, &CorruptError{name, at, err}
	}
	return r.state, r.state.extent.end < r.state.extent.size, nil
}

// readFile reads the file whole: it is folded faster than a disk delivers it.
func readFile(fsys vfs.FS, name string) (b []byte, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b = make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return b, nil
}

// reader folds a file.
type reader struct {
	b     []byte
	state *State
	rows  int // that the store frame promises
}

// read returns the position of what the error is about.
func (r *reader) read() (at int64, err error) {
	snapshot, err := decodeHeader(r.b)
	if err != nil {
		return 0, err
	}
	r.state.extent = extent{snapshot: snapshot, size: int64(len(r.b))}
	if at, err = r.readSnapshot(snapshot); err != nil {
		return at, err
	}
	for at = snapshot; at < int64(len(r.b)); {
		frame := nextFrame(r.b[at:])
		if frame == nil {
			break
		}
		if err := r.change(frame, at); err != nil {
			return at, err
		}
		at += int64(len(frame))
	}
	r.state.extent.end = at
	if by := r.witness(at); by > 0 {
		return at, fmt.Errorf("bad frame, which the one at byte %d says was durable", by)
	}
	return 0, nil
}

// readSnapshot reads what was durable before the file had its name: whatever
// does not fit there has rotted.
func (r *reader) readSnapshot(end int64) (at int64, err error) {
	for at = headerBytes; at < end; {
		frame := nextFrame(r.b[at:end])
		if frame == nil {
			return at, errors.New("bad frame in the snapshot")
		}
		kind, d, err := r.open(frame, at)
		switch {
		case err != nil:
		case (kind == kindStore) != (at == headerBytes) || kind > kindRow:
			err = fmt.Errorf("kind %d in the snapshot", kind)
		case kind == kindStore:
			err = r.store(d)
		default:
			err = r.row(d)
		}
		if err != nil {
			return at, err
		}
		at += int64(len(frame))
	}
	if r.state.Rows == nil || len(r.state.Rows) != r.rows {
		return at, fmt.Errorf("snapshot of %d rows must have %d", len(r.state.Rows), r.rows)
	}
	return at, nil
}

// open returns the fields of a good frame.
func (r *reader) open(frame []byte, at int64) (kind byte, d *decoder, err error) {
	kind = frame[frameHeaderBytes]
	if !knownKind(kind) {
		return 0, nil, fmt.Errorf("%w: kind %d at byte %d is not of version %d", ErrVersion, kind, at, version)
	}
	d = &decoder{b: frame[frameHeaderBytes+1:]}
	// A lag may reach past the start of the file: of a change that a rewrite
	// carried over, from behind more than the snapshot is long.
	d.uvarint()
	return kind, d, nil
}

func (r *reader) store(d *decoder) error {
	s := r.state
	rows := d.uvarint()
	if rows > uint64(len(r.b)/rowBytesMin) {
		return fmt.Errorf("%d rows in %d bytes", rows, len(r.b))
	}
	r.rows = int(rows)
	s.Rows = make(map[string]*Row, r.rows)
	s.NextIncarnation, s.JournalStart = d.uvarint(), d.uvarint()
	if s.Closed = d.flag(); s.Closed {
		s.Marker = d.marker()
	}
	return d.end()
}

func (r *reader) row(d *decoder) error {
	row := d.row()
	if err := d.end(); err != nil {
		return err
	}
	r.state.Rows[row.Log] = row
	r.state.raise(row.Incarnation)
	return nil
}

// change folds one change into the state, which is of no use after an error.
func (r *reader) change(frame []byte, at int64) error {
	kind, d, err := r.open(frame, at)
	if err != nil {
		return err
	}
	s := r.state
	switch kind {
	case kindRow:
		return r.row(d)
	case kindNote:
		name, n := d.note()
		if d.bad {
			return errMalformed
		}
		if row := s.Rows[string(name)]; row != nil && row.Incarnation == n.Incarnation {
			row.apply(&n)
		}
		s.raise(n.Incarnation)
	case kindDrop:
		delete(s.Rows, string(d.name()))
	case kindJournal:
		s.JournalStart = d.uvarint()
	case kindOpened:
		s.Closed, s.Marker = false, Marker{}
	case kindClosed:
		s.Closed, s.Marker = true, d.marker()
	default:
		return fmt.Errorf("kind %d behind the snapshot", kind)
	}
	return d.end()
}

// witness finds a good frame behind a bad one that says the bad one was
// durable, 0 if there is none. The bad one's length is not to be relied on, so a
// frame may begin at any byte; that its kind is looked at before its CRC keeps
// this from reading all that follows once for each.
func (r *reader) witness(bad int64) int64 {
	for at := bad + 1; at+frameHeaderBytes < int64(len(r.b)); {
		if !knownKind(r.b[at+frameHeaderBytes]) {
			at++
			continue
		}
		frame := nextFrame(r.b[at:])
		if frame == nil {
			at++
			continue
		}
		d := decoder{b: frame[frameHeaderBytes+1:]}
		if lag := d.uvarint(); !d.bad && lag < uint64(at-bad) {
			return at
		}
		at += int64(len(frame))
	}
	return 0
}

package journal

import (
	"errors"
	"fmt"
	"sync/atomic"

	"moldau/logstore/vfs"
)

var (
	// ErrFull tells that no file is free and none may be made, or that one could
	// not be made or opened: then it wraps that error as well.
	ErrFull = errors.New("journal is full")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("journal is closed")
	// ErrVersion tells of a file that a later version of this package has written.
	ErrVersion = errors.New("journal has an unknown version")
	// ErrCorrupt is wrapped where a commit that was acknowledged cannot be read.
	ErrCorrupt = errors.New("journal is corrupt")
)

// Kind says what a record is.
type Kind uint8

const (
	// Batches carries record batches of one log, one behind the other.
	Batches Kind = 1
	// Synced carries nothing: below Header.Last the log's own files were synced.
	Synced Kind = 2
)

func (k Kind) valid() bool { return k == Batches || k == Synced }

// Header says what a record belongs to. Nothing in it but Kind is understood
// here.
type Header struct {
	Kind        Kind
	Log         string // topic-partition, at most 1024 bytes
	Incarnation uint64 // of the log, so that one made anew under its name is another
	LeaderEpoch int32
	EndBefore   int64 // the log's end before the batches, an offset
	First, Last int64 // offsets of the batches; of Synced the bound, exclusive
}

// Journal is the writer. Prepare, Generation and Bytes may be called at any
// time from any goroutine; everything else by one at a time.
type Journal struct {
	options Options
	// buffer has one block for a file header, then the commit being built. It is
	// as large as a commit may be from the first Add on, because what Add returned
	// must not move.
	buffer  []byte
	used    int      // bytes of header and records of the commit being built
	lengths []uint32 // of its records

	sequence       uint64 // of the next commit
	nextGeneration uint64
	file           vfs.File // being written; nil: the next commit begins one
	position       int64    // of the next commit in file
	err            error    // final

	files      files
	generation atomic.Uint64
	bytes      atomic.Int64
}

// Open prepares a journal in dir, which is made, with its parents, when it is
// first needed; nothing is created before. Files that lie there are taken as
// free: what they hold must have been replayed, and it must be durable elsewhere
// that the next Scan begins above it. Those that options would not make are
// removed. generation and sequence are the first to be given, at
// least 1.
func Open(fsys vfs.FS, dir string, generation, sequence uint64, o Options) (*Journal, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	j := &Journal{options: o, nextGeneration: max(generation, 1), sequence: max(sequence, 1)}
	j.files = files{fsys: fsys, dir: dir, fileBytes: o.FileBytes, countMax: int(o.BytesMax / o.FileBytes)}
	if err := j.files.adopt(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return j, nil
}

// Add reserves payload bytes in the commit being built and returns them for
// the caller to fill, all of them, before Commit. ok is false if they do not
// fit: commit first. What does not fit while Pending is 0 never will.
func (j *Journal) Add(h Header, payload int) (p []byte, ok bool) {
	if !h.Kind.valid() || len(h.Log) > nameBytesMax || payload < 0 {
		panic(fmt.Sprintf("journal: record of kind %d, %d bytes of name, %d of payload", h.Kind, len(h.Log), payload))
	}
	if j.buffer == nil {
		j.buffer = make([]byte, blockBytes+padded(j.options.CommitBytesMax))
		j.used = commitHeaderBytes
	}
	n := recordBytes(h.Log, payload)
	table := (len(j.lengths)+1)*tableEntryBytes + crcBytes
	if int64(payload) > j.options.CommitBytesMax || int64(j.used+n+table) > j.options.CommitBytesMax {
		return nil, false
	}
	p = putRecord(j.buffer[blockBytes+j.used:], h, payload)
	j.used += n
	j.lengths = append(j.lengths, uint32(n))
	return p, true
}

// Undo takes back what was added last.
func (j *Journal) Undo() {
	last := len(j.lengths) - 1
	j.used -= int(j.lengths[last])
	j.lengths = j.lengths[:last]
}

// Pending is the number of records in the commit being built.
func (j *Journal) Pending() int { return len(j.lengths) }

// Commit writes and syncs what was added; without any it does nothing. Where
// it returns ErrFull what was added is kept: Release and try again. Any other
// error is final: every later Commit returns it, and what was added may be on
// the disk or not.
func (j *Journal) Commit() error {
	if j.err != nil || len(j.lengths) == 0 {
		return j.err
	}
	size := padded(int64(j.used + len(j.lengths)*tableEntryBytes + crcBytes))
	if j.file != nil && j.position+size > j.options.FileBytes {
		j.Rotate()
	}
	begins := j.file == nil
	if begins {
		if err := j.begin(); err != nil {
			return err
		}
	}
	if err := j.write(begins, size); err != nil {
		j.err = fmt.Errorf("commit to journal: %w", err)
		return j.err
	}
	j.position += size
	j.files.grow(size)
	j.bytes.Add(size)
	j.generation.Store(j.nextGeneration - 1)
	j.sequence++
	j.used, j.lengths = commitHeaderBytes, j.lengths[:0]
	return nil
}

// begin takes a free file for the next generation. Nothing is lost where there
// is none.
func (j *Journal) begin() error {
	f, err := j.files.take(j.nextGeneration)
	if err != nil {
		return fmt.Errorf("begin journal file: %w", err)
	}
	j.file, j.position = f, blockBytes
	j.nextGeneration++
	return nil
}

// write brings the commit to stable storage, with the file's header if it is
// the first.
func (j *Journal) write(begins bool, size int64) error {
	b := j.buffer[blockBytes : blockBytes+size]
	h := commitHeader{
		generation: j.nextGeneration - 1, sequence: j.sequence,
		oldest: j.files.oldest(), records: uint32(len(j.lengths)),
	}
	s := salt(h.putNumbers(b))
	at := commitHeaderBytes
	for _, n := range j.lengths {
		sealRecord(b[at:at+int(n)], s)
		at += int(n)
	}
	at += putTable(b[at:], j.lengths, s)
	clear(b[at:])
	h.bytes = uint32(at)
	h.put(b)
	position := j.position
	if begins {
		fileHeader{version, h.generation, h.sequence}.put(j.buffer)
		b, position = j.buffer[:blockBytes+size], 0
	}
	if _, err := j.file.WriteAt(b, position); err != nil {
		return err
	}
	return j.file.Sync()
}

// Generation is that of the last commit, 0 before the first.
func (j *Journal) Generation() uint64 { return j.generation.Load() }

// Bytes are those of the commits in live files, with their padding.
func (j *Journal) Bytes() int64 { return j.bytes.Load() }

// Rotate lets the next commit go to a new file, so that all up to Generation
// can be released.
func (j *Journal) Rotate() {
	if j.file == nil {
		return
	}
	// All in it is synced, so an error has nothing to tell.
	_ = j.file.Close()
	j.file = nil
}

// Release frees the files of generations up to and with upto. The caller has
// made it durable elsewhere that they are not needed.
func (j *Journal) Release(upto uint64) {
	if upto >= j.nextGeneration-1 {
		j.Rotate()
	}
	j.bytes.Add(-j.files.release(upto))
}

// Prepare makes sure that a file is free, or that BytesMax is reached. It takes
// as long as writing a file, and spares a Commit that time. An error changes
// nothing.
func (j *Journal) Prepare() error { return j.files.prepare() }

// Close ends the journal, and waits for a Prepare. What was added and not
// committed is lost.
func (j *Journal) Close() error {
	j.files.close()
	if j.err == nil {
		j.err = ErrClosed
	}
	j.Rotate()
	return nil
}

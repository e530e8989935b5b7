package manifest

import (
	"fmt"
	"math"
)

// Epoch is the first offset that was written under a leader epoch.
type Epoch struct {
	Epoch int32
	Start int64
}

// Segment is one segment of a log.
type Segment struct {
	Base, End                        int64 // offsets
	Bytes, OffsetsBytes, TimesBytes  int64 // of the data file and its indexes
	TimestampMax, TimestampMaxOffset int64
}

// Row is what recovery needs to know of a log.
type Row struct {
	Log         string // 1 to 255 bytes: the topic, a hyphen, the partition
	Incarnation uint64 // of this log, never given twice in a store; below 2^64-1
	TopicID     [16]byte
	// Dirty is that the log's files may have changed since the row was put: its
	// directory is to be listed, and scanned from Recovery.
	Dirty bool
	// Quarantined is that the log was found to be less than what was acknowledged:
	// it takes nothing more before it is repaired.
	Quarantined                               bool
	Recovery, Synced, Start, High, HolesBelow int64 // offsets
	Cleaned                                   int64 // offset: compaction has come up to here, 0 for nowhere
	// Epochs and Segments are as they were when the row was put, and of use only
	// if it is not dirty.
	Epochs   []Epoch
	Segments []Segment
}

// Note changes all scalars of a row and keeps its lists. It is of one
// incarnation: a note that comes late, of a log that was dropped or made anew
// since, changes nothing.
type Note struct {
	Log                                       string
	Incarnation                               uint64
	Dirty, Quarantined                        bool
	Recovery, Synced, Start, High, HolesBelow int64 // offsets
	Cleaned                                   int64 // offset
}

func (r *Row) note() Note {
	return Note{r.Log, r.Incarnation, r.Dirty, r.Quarantined, r.Recovery, r.Synced, r.Start, r.High, r.HolesBelow, r.Cleaned}
}

func (r *Row) apply(n *Note) {
	r.Dirty, r.Quarantined, r.Recovery, r.Synced = n.Dirty, n.Quarantined, n.Recovery, n.Synced
	r.Start, r.High, r.HolesBelow, r.Cleaned = n.Start, n.High, n.HolesBelow, n.Cleaned
}

func (n *Note) check() error {
	switch {
	case len(n.Log) < 1 || len(n.Log) > math.MaxUint8:
		return fmt.Errorf("%w: log name %q of %d bytes", ErrInvalid, n.Log, len(n.Log))
	case n.Incarnation == math.MaxUint64:
		return fmt.Errorf("%w: incarnation %d leaves none above it", ErrInvalid, n.Incarnation)
	}
	return nil
}

// Marker tells one clean shutdown file from another.
type Marker struct {
	Inode     uint64
	ModTimeNs int64
}

// State is what a manifest says.
type State struct {
	Rows            map[string]*Row // by Log
	NextIncarnation uint64          // above all that were ever in the file, dropped rows' included
	JournalStart    uint64          // journal generations below are not needed
	Closed          bool            // the store was closed cleanly
	Marker          Marker          // of the shutdown file it was closed with; zero if not Closed

	extent extent
}

// extent is where in the file a state was read from.
type extent struct {
	snapshot int64 // where the snapshot ends
	end      int64 // where the last good frame does
	size     int64 // of the file; what is behind end is torn
}

// raise keeps NextIncarnation above an incarnation, which is below the largest.
func (s *State) raise(incarnation uint64) {
	s.NextIncarnation = max(s.NextIncarnation, incarnation+1)
}

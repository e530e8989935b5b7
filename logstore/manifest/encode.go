package manifest

import (
	"encoding/binary"
	"fmt"
)

// The append functions return nil and an error, or b with one more frame.

func appendStore(b []byte, s *State, next uint64) ([]byte, error) {
	start := len(b)
	b = beginFrame(b, kindStore, 0)
	b = binary.AppendUvarint(b, uint64(len(s.Rows)))
	b = binary.AppendUvarint(b, next)
	b = binary.AppendUvarint(b, s.JournalStart)
	b = appendFlag(b, s.Closed)
	if s.Closed {
		b = appendMarkerFields(b, s.Marker)
	}
	return endFrame(b, start)
}

func appendRow(b []byte, lag int64, r *Row) ([]byte, error) {
	n := r.note()
	if err := n.check(); err != nil {
		return nil, err
	}
	start := len(b)
	b = beginFrame(b, kindRow, lag)
	b = appendNoteFields(b, &n)
	b = append(b, r.TopicID[:]...)
	b = binary.AppendUvarint(b, uint64(len(r.Epochs)))
	var before Epoch
	for _, e := range r.Epochs {
		b = binary.AppendVarint(b, int64(e.Epoch)-int64(before.Epoch))
		b = binary.AppendVarint(b, e.Start-before.Start)
		before = e
	}
	b = appendSegments(b, r.Segments)
	return endFrame(b, start)
}

func appendSegments(b []byte, segments []Segment) []byte {
	b = binary.AppendUvarint(b, uint64(len(segments)))
	var before Segment
	for i := range segments {
		s := &segments[i]
		b = binary.AppendVarint(b, s.Base-before.End)
		b = binary.AppendVarint(b, s.End-s.Base)
		b = binary.AppendVarint(b, s.Bytes)
		b = binary.AppendVarint(b, s.OffsetsBytes)
		b = binary.AppendVarint(b, s.TimesBytes)
		b = binary.AppendVarint(b, s.TimestampMax-before.TimestampMax)
		b = binary.AppendVarint(b, s.TimestampMaxOffset-s.Base)
		before = *s
	}
	return b
}

func appendNote(b []byte, lag int64, n *Note) ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	start := len(b)
	return endFrame(appendNoteFields(beginFrame(b, kindNote, lag), n), start)
}

func appendNoteFields(b []byte, n *Note) []byte {
	b = append(b, byte(len(n.Log)))
	b = append(b, n.Log...)
	b = binary.AppendUvarint(b, n.Incarnation)
	flags := byte(0)
	if n.Dirty {
		flags |= flagDirty
	}
	if n.Cleaned != 0 {
		flags |= flagCleaned
	}
	if n.Quarantined {
		flags |= flagQuarantined
	}
	b = append(b, flags)
	b = binary.AppendVarint(b, n.Recovery)
	for _, offset := range [...]int64{n.Synced, n.Start, n.High, n.HolesBelow} {
		b = binary.AppendVarint(b, offset-n.Recovery)
	}
	if n.Cleaned != 0 { // most logs never are
		b = binary.AppendVarint(b, n.Cleaned-n.Recovery)
	}
	return b
}

func appendDrop(b []byte, lag int64, log string) ([]byte, error) {
	n := Note{Log: log}
	if err := n.check(); err != nil {
		return nil, fmt.Errorf("drop: %w", err)
	}
	start := len(b)
	b = append(beginFrame(b, kindDrop, lag), byte(len(log)))
	return endFrame(append(b, log...), start)
}

func appendJournal(b []byte, lag int64, generation uint64) ([]byte, error) {
	start := len(b)
	return endFrame(binary.AppendUvarint(beginFrame(b, kindJournal, lag), generation), start)
}

func appendOpened(b []byte, lag int64) ([]byte, error) {
	return endFrame(beginFrame(b, kindOpened, lag), len(b))
}

func appendClosed(b []byte, lag int64, m Marker) ([]byte, error) {
	start := len(b)
	return endFrame(appendMarkerFields(beginFrame(b, kindClosed, lag), m), start)
}

func appendMarkerFields(b []byte, m Marker) []byte {
	b = binary.AppendUvarint(b, m.Inode)
	return binary.AppendVarint(b, m.ModTimeNs)
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

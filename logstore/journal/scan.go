package journal

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"moldau/logstore/vfs"
)

// Report is what a scan found.
type Report struct {
	// Generation and Sequence are the highest in any header, of generations that
	// are not needed as well, or given to f: a new journal begins above both.
	Generation, Sequence uint64
	Commits              int  // good headers of commits that are needed
	Torn                 bool // a commit that was never acknowledged was begun behind them
	Rot                  []Rot
}

// Rot is damage in what was acknowledged. The log is Known if the header of
// the damaged record is good; where it is not, nothing is known of what is
// missing.
type Rot struct {
	File   string // as the file system has it
	Offset int64  // in bytes
	Known  bool
	Header Header
}

// Scan calls f for each good record of generations >= from, in order. Records
// share the sequence of their commit, which rises. The payload is f's until it
// returns. An error of f ends the scan, as do one of the file system and
// ErrVersion.
//
// The last commit may have been acknowledged or not; its good records are among
// them. A generation below the one that it says is the oldest needed is not
// read, whatever from is. Nothing of a commit that was torn may have reached
// the disk, or only what looks like what the file held before: Torn is false
// then.
func Scan(fsys vfs.FS, dir string, from uint64, f func(h Header, generation, sequence uint64, payload []byte) error) (Report, error) {
	return scan(fsys, dir, from, func(good goodRecord) error {
		return f(good.header, good.generation, good.sequence, good.payload)
	})
}

// goodRecord is a record that a scan gives.
type goodRecord struct {
	finding
	generation, sequence uint64
	file                 string // as the file system has it
	offset               int64  // in file
}

func scan(fsys vfs.FS, dir string, from uint64, f func(goodRecord) error) (Report, error) {
	s := scanner{fsys: fsys, f: f}
	defer s.reader.close()
	err := s.scan(dir, from)
	if err != nil {
		err = fmt.Errorf("scan journal: %w", err)
	}
	return s.report, err
}

// scanFile is a file that has a generation.
type scanFile struct {
	name       string
	generation uint64
	sequence   uint64 // of the first commit, by the file's header
	headed     bool   // the header is good and of this generation
}

type scanner struct {
	fsys   vfs.FS
	reader reader
	f      func(goodRecord) error
	report Report

	// next is the sequence that must come now, if known.
	next  uint64
	known bool
	// gap is the first place since the last good commit where there was none. It
	// is damage if a commit turns out to be missing.
	gap   Rot
	inGap bool
	begun bool // and a commit was begun there
	// pending is damage in the last good commit, which was never acknowledged if
	// none follows.
	pending []Rot
}

func (s *scanner) scan(dir string, from uint64) error {
	files, err := s.find(dir)
	if err != nil || len(files) == 0 {
		return err
	}
	oldest, ok, err := s.oldest(files)
	if err != nil {
		return err
	}
	floor := max(from, oldest)
	i, _ := slices.BinarySearchFunc(files, floor, func(f scanFile, g uint64) int { return cmp.Compare(f.generation, g) })
	files = files[i:]
	if len(files) > 0 && ok && files[0].generation > floor {
		s.report.Rot = append(s.report.Rot, Rot{File: files[0].name})
	}
	for _, f := range files {
		if err := s.file(f); err != nil {
			return err
		}
	}
	s.report.Torn = s.begun || len(s.pending) > 0
	return nil
}

// find lists the files by generation.
func (s *scanner) find(dir string) (files []scanFile, err error) {
	slots, err := list(s.fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, slot := range slots {
		f := scanFile{name: path.Join(dir, fileName(slot))}
		if err := s.identify(&f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if f.generation > 0 {
			files = append(files, f)
		}
	}
	slices.SortStableFunc(files, func(a, b scanFile) int { return cmp.Compare(a.generation, b.generation) })
	return files, nil
}

// identify finds the generation of a file, 0 if it has none.
func (s *scanner) identify(f *scanFile) error {
	r := &s.reader
	if err := r.open(s.fsys, f.name); err != nil {
		return err
	}
	h, ok, err := r.fileHeader()
	if err != nil {
		return err
	}
	first, firstOK, _, err := r.commitHeader(blockBytes, 0)
	if err != nil {
		return err
	}
	if firstOK {
		s.saw(first.generation, first.sequence)
	}
	switch {
	case ok:
		s.saw(h.generation, h.sequence)
		f.generation, f.sequence, f.headed = h.generation, h.sequence, true
		if firstOK && first.generation > h.generation {
			// The header was not written when its commit was.
			f.generation, f.headed = first.generation, false
		}
		return nil
	case firstOK:
		f.generation = first.generation
		return nil
	}
	// Older commits may lie behind those of the last use.
	return r.commitHeaders(func(_ int64, h commitHeader) {
		f.generation = max(f.generation, h.generation)
		s.saw(h.generation, h.sequence)
	})
}

func (s *scanner) saw(generation, sequence uint64) {
	s.report.Generation = max(s.report.Generation, generation)
	s.report.Sequence = max(s.report.Sequence, sequence)
}

// oldest is the generation that the last commit of all says is still needed.
func (s *scanner) oldest(files []scanFile) (oldest uint64, ok bool, err error) {
	for _, f := range slices.Backward(files) {
		if err := s.reader.open(s.fsys, f.name); err != nil {
			return 0, false, err
		}
		err := s.reader.commitHeaders(func(_ int64, h commitHeader) {
			if h.generation == f.generation {
				s.saw(h.generation, h.sequence)
				oldest, ok = h.oldest, true
			}
		})
		if err != nil || ok {
			return oldest, ok, err
		}
	}
	return 0, false, nil
}

// passed takes note of a good header of a sequence: all before it was
// acknowledged, because it was written after.
func (s *scanner) passed(sequence uint64, here Rot) {
	s.report.Rot = append(s.report.Rot, s.pending...)
	s.pending = nil
	if s.known && sequence > s.next {
		if s.inGap {
			here = s.gap
		}
		s.report.Rot = append(s.report.Rot, here)
	}
	s.next, s.known, s.inGap, s.begun = sequence, true, false, false
}

// file reads the commits of one file.
func (s *scanner) file(f scanFile) error {
	if err := s.reader.open(s.fsys, f.name); err != nil {
		return err
	}
	vfs.WillNeed(s.reader.file, 0, 0)
	if f.headed && (!s.known || f.sequence >= s.next) {
		s.passed(f.sequence, Rot{File: f.name})
	}
	lost := !f.headed // and not yet told
	for off := int64(blockBytes); off < s.reader.size; {
		h, ok, begun, err := s.reader.commitHeader(off, f.generation)
		if err != nil {
			return err
		}
		if !ok || h.generation != f.generation || s.known && h.sequence < s.next {
			// A good header of the file was written together with a commit.
			begun = begun && !ok || f.headed && off == blockBytes
			if err := s.bad(f, off, begun); err != nil {
				return err
			}
			off += blockBytes
			continue
		}
		if lost && off > blockBytes {
			s.pending, lost = append(s.pending, Rot{File: f.name}), false
		}
		s.passed(h.sequence, Rot{File: f.name, Offset: off})
		if lost {
			s.pending, lost = append(s.pending, Rot{File: f.name}), false
		}
		if err := s.commit(f, off, h); err != nil {
			return err
		}
		off += padded(int64(h.bytes))
	}
	return nil
}

// commit hands out the records of a commit whose header is good.
func (s *scanner) commit(f scanFile, off int64, h commitHeader) error {
	s.report.Commits++
	s.saw(h.generation, h.sequence)
	s.next = h.sequence + 1
	b, err := s.reader.view(off, int64(h.bytes))
	if err != nil {
		return err
	}
	return records(b, h, func(found finding) error {
		if !found.whole {
			s.pending = append(s.pending, Rot{f.name, off + found.at, found.known, found.header})
			return nil
		}
		return s.f(goodRecord{found, h.generation, h.sequence, f.name, off + found.at})
	})
}

// bad notes a block that does not begin a commit. If it is the first where one
// could be, records of the next sequence may follow a header that is lost.
func (s *scanner) bad(f scanFile, off int64, begun bool) error {
	s.begun = s.begun || begun
	if s.inGap {
		return nil
	}
	s.gap, s.inGap = Rot{File: f.name, Offset: off}, true
	if !s.known {
		return nil
	}
	h := commitHeader{generation: f.generation, sequence: s.next}
	salt := salt(h.putNumbers(make([]byte, commitHeaderBytes)))
	b, err := s.reader.view(off, blockBytes)
	if err != nil || len(b) < commitHeaderBytes || !decodeRecord(b[commitHeaderBytes:], salt).known {
		return err
	}
	s.begun = true
	s.saw(f.generation, s.next)
	if b, err = s.reader.view(off, s.reader.size-off); err != nil {
		return err
	}
	return walk(b, s.reader.size, nil, salt, func(found finding) error {
		if !found.whole {
			return nil
		}
		return s.f(goodRecord{found, f.generation, s.next, f.name, off + found.at})
	})
}

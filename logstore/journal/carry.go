package journal

import (
	"fmt"
	"path"
)

// Carry adds anew, payloads as they are, the records of live generations <=
// upto that keep accepts, so that these can be released after the next Commit.
// It commits whenever a commit is full. If one of these is still being written,
// it rotates first. An error leaves it half done: what was added is carried
// twice by a second call, which is harmless where records are told apart by
// their offsets. ErrCorrupt: what was acknowledged cannot be read back.
func (j *Journal) Carry(upto uint64, keep func(Header) bool) error {
	live := j.files.liveUpto(upto)
	if len(live) > 0 && live[len(live)-1].generation == j.nextGeneration-1 {
		j.Rotate()
	}
	var r reader
	defer r.close()
	for _, l := range live {
		if err := r.open(j.files.fsys, j.files.path(l.slot)); err != nil {
			return err
		}
		if err := j.carryFile(&r, l, keep); err != nil {
			return fmt.Errorf("carry %s: %w", path.Base(j.files.path(l.slot)), err)
		}
	}
	return nil
}

func (j *Journal) carryFile(r *reader, l liveFile, keep func(Header) bool) error {
	for off := int64(blockBytes); off < blockBytes+l.bytes; {
		h, ok, _, err := r.commitHeader(off, l.generation)
		if err != nil {
			return err
		}
		if !ok || h.generation != l.generation {
			return fmt.Errorf("%w at byte %d", ErrCorrupt, off)
		}
		b, err := r.view(off, int64(h.bytes))
		if err != nil {
			return err
		}
		err = records(b, h, func(found finding) error {
			if !found.whole {
				return fmt.Errorf("%w at byte %d", ErrCorrupt, off+found.at)
			}
			if !keep(found.header) {
				return nil
			}
			return j.carryRecord(found.header, found.payload)
		})
		if err != nil {
			return err
		}
		off += padded(int64(h.bytes))
	}
	return nil
}

func (j *Journal) carryRecord(h Header, payload []byte) error {
	p, ok := j.Add(h, len(payload))
	if !ok {
		if err := j.Commit(); err != nil {
			return err
		}
		if p, ok = j.Add(h, len(payload)); !ok {
			return fmt.Errorf("%w: record of %d bytes", ErrCorrupt, len(payload)) // none was ever added
		}
	}
	copy(p, payload)
	return nil
}

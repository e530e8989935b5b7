package harness

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"

	"moldau/logstore/vfs"
)

// ErrNoRoom tells that a block would fill the disk.
var ErrNoRoom = errors.New("not enough room on the disk")

// checkRoom fails if some row's block leaves more on the disk to measure than there
// is room for: nobody shall find that out after an hour.
func (s *Session) checkRoom(plans []*Plan) error {
	for _, p := range plans {
		for i := range p.Rows {
			w := &p.Rows[i]
			if w.DiskBytes == 0 {
				continue
			}
			dir := cmp.Or(s.Dir, os.TempDir())
			free, err := freeBytes(dir)
			if err != nil {
				return err
			}
			if w.DiskBytes > free {
				return fmt.Errorf("%s: %s: %w: %s has %.1f GB free, a block may need %.1f (--dir names another)",
					p.Scenario, w.Row.Title(), ErrNoRoom, dir, float64(free)/1e9, float64(w.DiskBytes)/1e9)
			}
		}
	}
	return nil
}

// freeBytes is what a directory's disk has free, as far as the system tells.
func freeBytes(dir string) (int64, error) {
	disk, err := vfs.OpenOSReadOnly(dir)
	if err != nil {
		return 0, err
	}
	defer disk.Close()
	space, err := disk.Space(".")
	if errors.Is(err, errors.ErrUnsupported) {
		return math.MaxInt64, nil
	}
	return space.Free, err
}

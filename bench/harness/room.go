package harness

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"moldau/logstore/vfs"
)

// ErrNoRoom tells that a block would fill the disk.
var ErrNoRoom = errors.New("not enough room on the disk")

// checkRoom fails if some row's block leaves more on the disk to measure than there
// is room for: nobody shall find that out after an hour.
func (s *Session) checkRoom(plans []*Plan) error {
	dir := cmp.Or(s.Dir, os.TempDir())
	disk, err := vfs.OpenOS(dir)
	if err != nil {
		return err
	}
	defer disk.Close()
	space, err := disk.Space(".")
	if err != nil {
		return err
	}
	for _, p := range plans {
		for i := range p.Rows {
			if w := &p.Rows[i]; w.DiskBytes > space.Free {
				return fmt.Errorf("%s: %s: %w: %s has %.1f GB free, a block may need %.1f (--dir names another)",
					p.Scenario, w.Row.Title(), ErrNoRoom, dir, float64(space.Free)/1e9, float64(w.DiskBytes)/1e9)
			}
		}
	}
	return nil
}

package system

import "moldau/bench/disk"

// WarmPages is [disk.WarmPages] on the disk to measure.
func (p *Pool) WarmPages(bytes int64) error {
	dir, err := p.directory()
	if err != nil || bytes == 0 {
		return err
	}
	return disk.WarmPages(dir, bytes)
}

package manifest

import "fmt"

// Sync returns when the change of that number, and all before it, are durable.
// It is a group commit: who arrives while a sync runs shares the next one.
func (f *File) Sync(lsn int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if lsn > f.written {
		return fmt.Errorf("%w: sync of change %d, the last is %d", ErrInvalid, lsn, f.written)
	}
	for {
		if err := f.ready(); err != nil {
			return err
		}
		if f.synced >= lsn {
			return nil
		}
		if f.syncing {
			f.idle.Wait()
			continue
		}
		if err := f.syncOnce(); err != nil {
			return err
		}
	}
}

// syncOnce makes durable what is written now. The caller holds f.mu, which is
// given up meanwhile, and has seen that no sync runs.
func (f *File) syncOnce() error {
	// A rewrite does not replace the file while a sync of it runs.
	file, size, written := f.file, f.size, f.written
	f.syncing = true
	f.mu.Unlock()
	err := file.Sync()
	f.mu.Lock()
	f.syncing = false
	f.idle.Broadcast()
	if f.failed != nil {
		return f.failed
	}
	if err != nil {
		return f.poison(fmt.Errorf("sync manifest: %w", err))
	}
	f.durable, f.synced = max(f.durable, size), max(f.synced, written)
	return nil
}

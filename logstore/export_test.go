package logstore

import "moldau/logstore/vfs"

// JournalAlways sends the commits of one log through the journal as well, which
// otherwise takes several at work at the same time.
func JournalAlways(o Options) Options {
	o.journalAlways = true
	return o
}

// SyncAllFrom has that many logs flushed with one call.
func SyncAllFrom(o Options, logs int) Options {
	o.syncAllMin = logs
	return o
}

// WriteBackBy has files written back by f.
func WriteBackBy(o Options, f func(f vfs.File, bytes int64) error) Options {
	o.writeBack = f
	return o
}

// PlanAfter loads the bound, and plans the read after between, which a reader may be
// overtaken by.
func (l *Log) PlanAfter(between func(), f *Fetch, from int64, upto Bound, bytesMax int) error {
	limit := l.bounds[upto].load()
	between()
	return l.plan(f, from, limit, int64(bytesMax), true)
}

// Watches is how many wait for a bound.
func (l *Log) Watches() int {
	l.watchers.mu.Lock()
	defer l.watchers.mu.Unlock()
	return len(l.watchers.list)
}

package logstore

import (
	"errors"
	"io/fs"
	"os"

	"moldau/logstore/vfs"
)

// A checkpoint of one log syncs its data, three indexes, a snapshot and its
// directory. Thousands of logs have it together: what belongs beside the data is
// written for all of them, everything is made durable with one call, files are given
// their names, and that with another.

// pointing is a log's part in that. Its upkeep is held meanwhile.
type pointing struct {
	log    *Log
	end    int64  // offset: where the log ended when it began
	view   *view  // as it was then
	rests  bool   // the log comes to rest
	dirty  bool   // it had changed since its last checkpoint
	state  []byte // the producers' then
	small  unwritten
	failed error
}

// pointsAtOnce is how many logs are held by one such checkpoint.
const pointsAtOnce = shedLogsMax

// pointTogether makes durable what lies beside the data of the logs, and the data,
// and notes their recovery points; with rest they come to rest, if nobody uses them
// meanwhile. It returns the logs that are left to be done one by one: all, if they
// are few, or the system has no call for it. The caller holds the upkeep of all.
func (s *Store) pointTogether(logs []*Log, rest bool) (lsn int64, left []*Log, failed error) {
	if len(logs) < s.opt.syncAllMin {
		return 0, logs, nil
	}
	said := s.lastNote(logs)
	if err := s.syncManifest(said); err != nil {
		return 0, logs, err
	}
	all := make([]*pointing, len(logs))
	s.severally(len(logs), func(i int) {
		if p := (&pointing{log: logs[i], rests: rest}); p.begin(said) && p.write() {
			all[i] = p
		}
	})
	parts := make([]*pointing, 0, len(logs))
	begun := make([]*Log, 0, len(logs))
	for i, p := range all {
		if p == nil {
			left = append(left, logs[i])
			continue
		}
		parts, begun = append(parts, p), append(begun, p.log)
	}
	done := len(parts) > 0 && s.flushAll(begun)
	if done {
		s.severally(len(parts), func(i int) { parts[i].failed = errors.Join(parts[i].failed, parts[i].name()) })
		done = vfs.SyncAll(s.fs, s.path(""), nil) == nil
	}
	for _, p := range parts {
		if !done || p.failed != nil {
			p.giveUp()
			left = append(left, p.log)
			continue
		}
		p.log.mu.Lock()
		err := p.finish()
		lsn = max(lsn, p.log.standing.lsn)
		p.log.mu.Unlock()
		if err != nil {
			failed = errors.Join(failed, p.log.wrap("checkpoint", err))
		}
	}
	return lsn, left, failed
}

// lastNote is the last that the manifest was told of the logs.
func (s *Store) lastNote(logs []*Log) (lsn int64) {
	for _, l := range logs {
		l.mu.Lock()
		lsn = max(lsn, l.standing.lsn)
		l.mu.Unlock()
	}
	return lsn
}

// begin writes the indexes out and notes what else there is to write. It fails, and
// the log is left to be done alone, where that takes more: above all where the
// manifest does not say durably, as it does up to said, that the log is dirty. One
// that is opened at rest cuts off data behind its end, but nothing off an index.
func (p *pointing) begin(said int64) bool {
	l := p.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writable() != nil || len(l.unsealed) > 0 || l.loadState() != nil || l.standing.lsn > said {
		return false
	}
	l.producers.expire(l.store.nowMs())
	v := l.view.Load()
	s := v.active()
	defer s.restIndexes()
	if l.flushTail(p.rests) != nil {
		return false
	}
	p.end, p.view, p.state = l.Offset(LogEnd), v, l.producers.encode()
	p.dirty, p.small = l.dirty, l.takeUnwritten()
	l.dirty = false
	return true
}

// write writes the files that get their names when they are durable.
func (p *pointing) write() bool {
	l := p.log
	aside := func(name string, text []byte) error { return writeAside(l.store.fs, name, text) }
	err := aside(p.snapshotName(), p.state)
	if err == nil {
		err = p.small.each(l, aside)
	}
	if err != nil {
		p.giveUp()
	}
	return err == nil
}

func (p *pointing) snapshotName() string {
	return p.log.file(segmentFileName(p.end, snapshotSuffix))
}

// name gives them their names, and takes away the snapshot of the last recovery point.
func (p *pointing) name() error {
	l, fsys := p.log, p.log.store.fs
	name := p.snapshotName()
	err := fsys.Rename(name+tmpSuffix, name)
	if err == nil {
		err = p.small.each(l, func(name string, _ []byte) error { return fsys.Rename(name+tmpSuffix, name) })
	}
	if err != nil {
		return err
	}
	before := l.pointSnapshot
	l.pointSnapshot = p.end
	if before == p.end || before == 0 || l.beginsAt(before) {
		return nil
	}
	return ignore(fsys.Remove(l.file(segmentFileName(before, snapshotSuffix))), fs.ErrNotExist)
}

// giveUp leaves the log to be done alone, with nothing that it would not write over.
func (p *pointing) giveUp() {
	l := p.log
	_ = l.store.fs.Remove(p.snapshotName() + tmpSuffix)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = l.dirty || p.dirty
	p.small.giveBack(l)
}

// finish tells the manifest. The caller holds log.mu.
func (p *pointing) finish() error {
	l := p.log
	if l.writable() != nil {
		return nil
	}
	if l.commit.flushed < p.end { // a truncation was about to begin, or a sync under way
		l.dirty = true
		return nil
	}
	if p.rests && !l.busy() && l.Offset(LogEnd) == p.end && l.view.Load() == p.view && !l.epochs.dirty {
		return l.putAtRest()
	}
	point := p.end
	if len(l.unsealed) > 0 { // rolled since
		point = min(point, l.unsealed[0].segment.base)
	}
	l.dirty = l.dirty || p.rests || point < p.end
	l.standing.recovery = max(l.standing.recovery, point)
	err := l.note()
	l.dirty = l.dirty || err != nil
	return err
}

// writeAside writes what is to be renamed to name.
func writeAside(fsys vfs.FS, name string, b []byte) error {
	f, err := fsys.OpenFile(name+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return errors.Join(err, f.Close())
}

package logstore

import "fmt"

// unwritten is what of a log's small files is not on disk as it should be, each nil
// where it is.
type unwritten struct {
	epochs []byte
	id     []byte // a new log's is in its row only, until it is checkpointed or comes to rest
}

// takeUnwritten leaves it to the caller to write that. The caller holds l.mu.
func (l *Log) takeUnwritten() (u unwritten) {
	if l.epochs.dirty {
		u.epochs = encodeEpochs(l.epochs.entries())
	}
	if l.idUnwritten {
		u.id = encodePartitionMeta(l.id)
	}
	l.epochs.dirty, l.idUnwritten = false, false
	return u
}

// giveBack is for who could not. The caller holds l.mu.
func (u unwritten) giveBack(l *Log) {
	l.epochs.dirty = l.epochs.dirty || u.epochs != nil
	l.idUnwritten = l.idUnwritten || u.id != nil
}

// each calls do for each of the files.
func (u unwritten) each(l *Log, do func(name string, text []byte) error) error {
	if u.epochs != nil {
		if err := do(l.file(epochFile), u.epochs); err != nil {
			return err
		}
	}
	if u.id != nil {
		return do(l.file(partitionMetaFile), u.id)
	}
	return nil
}

// replace replaces the files. The caller syncs the directory.
func (u unwritten) replace(l *Log) error {
	return u.each(l, func(name string, text []byte) error { return replaceFile(l.store.fs, name, text, false) })
}

// writeSmall writes what is unwritten. The caller holds l.mu, and syncs the directory.
func (l *Log) writeSmall() error {
	small := l.takeUnwritten()
	err := small.replace(l)
	if err != nil {
		small.giveBack(l)
	}
	return err
}

// leaveSmall writes it for whoever finds the directory without its row. Of a damaged
// log nothing is written over: its epochs are only those of what is served. The caller
// holds l.upkeep.
func (l *Log) leaveSmall() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure() != nil {
		l.saveID()
		return nil
	}
	err := l.writeSmall()
	if err == nil {
		err = unsyncable(l.store.fs.SyncDir(l.dir))
	}
	return l.final(err)
}

// saveID writes the topic's id of a log that was found damaged, and so does not come
// to rest: a repair removes the rows. Where it cannot, the row has it still. The caller
// holds l.mu.
func (l *Log) saveID() {
	if l.idUnwritten && !l.store.opt.ReadOnly && replaceFile(l.store.fs, l.file(partitionMetaFile), encodePartitionMeta(l.id), true) == nil {
		l.idUnwritten = false
	}
}

// AssignID gives a log the topic id that it lacks, durably: a creation that was cut
// short leaves one without, and so does a manifest that is lost before the log's first
// checkpoint, or a Kafka from before there were ids. It is ErrExists if the log has
// another.
func (l *Log) AssignID(id TopicID) error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	lsn, err := l.enterID(id)
	if err == nil {
		err = l.store.syncManifest(lsn)
	}
	return l.wrap("assign a topic id", err)
}

func (l *Log) enterID(id TopicID) (lsn int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return 0, err
	}
	if l.id == id {
		return l.standing.lsn, nil
	}
	if l.id != (TopicID{}) {
		return 0, fmt.Errorf("%w: with topic id %s", ErrExists, l.id)
	}
	before := l.standing.dirty
	l.id, l.idUnwritten, l.standing.dirty = id, true, true
	if lsn, err = l.store.manifest.Put(l.row()); err != nil {
		l.id, l.idUnwritten, l.standing.dirty = TopicID{}, false, before
		return 0, fmt.Errorf("manifest: %w", spaceError(err))
	}
	l.standing.lsn, l.dirty = lsn, true
	return lsn, nil
}

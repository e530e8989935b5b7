package logstore

// unwritten is what of a log's small files is not on disk as it should be, each nil
// where it is.
type unwritten struct {
	epochs []byte
	id     []byte // the row has it until the log is flushed first
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

package logstore

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

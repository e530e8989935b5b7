package disk

import "moldau/logstore"

// Journal is what the engine's journal did.
type Journal struct {
	Cuts    int64
	Commits int64
	Bytes   int64
}

// JournalOf reads it from the engine's counters.
func JournalOf(c logstore.Counters) Journal {
	return Journal{c.JournalCuts, c.JournalCommits, c.JournalBytes}
}

// Since is what was done after before.
func (j Journal) Since(before Journal) Journal {
	return Journal{j.Cuts - before.Cuts, j.Commits - before.Commits, j.Bytes - before.Bytes}
}

// BoundJournal has the journal cut at a size, so that a short run holds several
// cuts; 0 leaves the engine's default.
func BoundJournal(o *logstore.Options, bytes int64) error {
	o.JournalBytes = bytes
	return nil
}

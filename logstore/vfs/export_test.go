package vfs

// OpensByRoot has the tree opened part by part, as where there is no openat2.
func (o *OS) OpensByRoot() {
	if o.beneath != nil {
		_ = o.beneath.Close()
		o.beneath = nil
	}
}

// OpensBeneath tells that there is one.
func (o *OS) OpensBeneath() bool { return o.beneath != nil }

// BreakSyncAll has the next SyncAll of the directory fail.
func (o *OS) BreakSyncAll(dir string) { _ = o.all[dir].Close() }

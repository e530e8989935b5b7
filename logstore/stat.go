package logstore

import (
	"cmp"
	"fmt"
	"slices"

	"moldau/logstore/vfs"
)

// StatOptions shapes a [Stat]. The zero value is ready for use.
type StatOptions struct {
	// Deep unpacks compressed batches: sizes without compression, and the exact
	// smallest timestamp, are known then.
	Deep bool
	// DecompressedBytesMax bounds what one batch may unpack to, default 128 MiB.
	DecompressedBytesMax int
	// Progress, where set, is called about every MiB; an error ends the run.
	Progress func(CheckProgress) error
}

// StatReport tells what lies in a directory.
type StatReport struct {
	// Clean tells that the directory was closed cleanly. If not, it is in use, or
	// was killed: what is being written looks torn.
	Clean bool      `json:"clean"`
	Logs  []LogStat `json:"logs"` // by data, most first
	Total LogStat   `json:"total"`
}

// LogStat tells what a log holds, by its files.
type LogStat struct {
	Log           string      `json:"log"`
	Directory     string      `json:"directory,omitempty"` // below the file system's root
	Segments      int         `json:"segments"`
	DataBytes     int64       `json:"dataBytes"`
	IndexBytes    int64       `json:"indexBytes"` // of all indexes
	Start         int64       `json:"startOffset"`
	End           int64       `json:"endOffset"`
	Batches       int64       `json:"batches"`
	Records       int64       `json:"records"` // by the batches' headers
	Codecs        []CodecStat `json:"codecs,omitempty"`
	TimestampMin  int64       `json:"timestampMin"` // ms, -1 none; that of batches' first records unless deep
	TimestampMax  int64       `json:"timestampMax"` // ms, -1 none
	Epochs        []EpochStat `json:"leaderEpochs,omitempty"`
	Producers     int         `json:"producers"` // idempotent ones that are known
	Open          []OpenTxn   `json:"openTransactions,omitempty"`
	Aborted       int         `json:"abortedTransactions"`
	OffsetEntries int         `json:"offsetEntries"`
	TimeEntries   int         `json:"timeEntries"`
	// RecoveryPoint is -1 where none is known. BytesBehind is what a start after
	// a crash would scan.
	RecoveryPoint int64 `json:"recoveryPoint"`
	BytesBehind   int64 `json:"bytesBehindRecoveryPoint"`
	// CompactedUpto is the offset up to which the log was compacted, -1 for nowhere.
	// DirtyBytes are behind it. Horizons are the batches that wait for a time from
	// which on tombstones or markers in them may go, Emptied those of which only the
	// header is left.
	CompactedUpto int64 `json:"compactedUpto"`
	DirtyBytes    int64 `json:"dirtyBytes"`
	Horizons      int64 `json:"deleteHorizons"`
	Emptied       int64 `json:"emptiedBatches"`
	// TornBytes are behind the last header that makes sense, in any segment.
	TornBytes    int64    `json:"tornBytes"`
	CutFiles     int      `json:"cutFiles"`
	CutBytes     int64    `json:"cutBytes"`
	DeletedFiles int      `json:"deletedFiles"`
	DeletedBytes int64    `json:"deletedBytes"`
	Notes        []string `json:"notes,omitempty"` // what could not be read
}

// CodecStat is the batches of one codec.
type CodecStat struct {
	Codec    string `json:"codec"`
	Batches  int64  `json:"batches"`
	Bytes    int64  `json:"bytes"`    // of records, as stored
	Unpacked int64  `json:"unpacked"` // of records, without compression; -1 unknown
}

// EpochStat is where a leader epoch began.
type EpochStat struct {
	Epoch int32 `json:"epoch"`
	Start int64 `json:"startOffset"`
}

// OpenTxn is a transaction that has no end yet.
type OpenTxn struct {
	Producer int64 `json:"producerId"`
	First    int64 `json:"firstOffset"`
}

// BatchBytes is the average of a batch, with its header.
func (s *LogStat) BatchBytes() int64 { return s.DataBytes / max(s.Batches, 1) }

// Stat reads the batch headers of a partition, a Kafka log directory or a store,
// and what lies beside them. The directory may be in use; nothing is written, and
// nothing is checked, for which there is [Check], which says what fsys may be.
func Stat(fsys vfs.FS, dir string, o StatOptions) (*StatReport, error) {
	if o.DecompressedBytesMax <= 0 {
		o.DecompressedBytesMax = 128 << 20
	}
	fsys, dir, release, err := readingTree(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("logstore: stat %s: %w", dir, err)
	}
	defer release()
	st := &stat{repair: repair{fs: fsys, dir: dir}, o: o}
	if err := st.run(); err != nil {
		return nil, fmt.Errorf("logstore: stat %s: %w", dir, err)
	}
	return &st.report, nil
}

// stat is one run of Stat. It shares with a repair how a directory is taken
// apart.
type stat struct {
	repair
	o      StatOptions
	report StatReport
}

func (st *stat) run() error {
	scope, err := st.scopeOf(st.dir)
	if err != nil {
		return err
	}
	if st.o.Progress != nil {
		st.repair.o.Progress = func(p RepairProgress) error { return st.o.Progress(p.CheckProgress) }
	}
	st.report.Clean, st.report.Total.TimestampMin, st.report.Total.TimestampMax = true, -1, -1
	for _, s := range scope.all() {
		if err := st.scope(s); err != nil {
			return err
		}
	}
	slices.SortStableFunc(st.report.Logs, func(a, b LogStat) int {
		return cmp.Or(cmp.Compare(b.DataBytes, a.DataBytes), cmp.Compare(a.Log, b.Log))
	})
	st.report.Total.Log, st.report.Total.RecoveryPoint, st.report.Total.CompactedUpto = "total", -1, -1
	for i := range st.report.Logs {
		st.report.Total.add(&st.report.Logs[i])
	}
	return nil
}

// scope reads the logs of one log directory.
func (st *stat) scope(s *repairScope) error {
	c := st.checker()
	root := checkedRoot{}
	if s.root != "" {
		root = c.readRoot(s.root, nil)
	}
	st.report.Clean = st.report.Clean && root.clean
	dirs, err := st.partitionDirs(s)
	if err != nil {
		return err
	}
	var logs []*partitionFiles
	for _, dir := range dirs {
		files, err := c.partitionFiles(dir)
		if err != nil {
			return err
		}
		logs = append(logs, files)
	}
	st.enter("read", c.total+st.total)
	for _, files := range logs {
		l := newStatLog(st, files, root)
		if err := l.read(); err != nil {
			return err
		}
		st.report.Logs = append(st.report.Logs, l.LogStat)
	}
	return nil
}

// add sums up. Of offsets there is no sum.
func (s *LogStat) add(l *LogStat) {
	s.Segments += l.Segments
	s.DataBytes += l.DataBytes
	s.IndexBytes += l.IndexBytes
	s.Batches += l.Batches
	s.Records += l.Records
	s.Producers += l.Producers
	s.Open = append(s.Open, l.Open...)
	s.Aborted += l.Aborted
	s.OffsetEntries += l.OffsetEntries
	s.TimeEntries += l.TimeEntries
	s.BytesBehind += l.BytesBehind
	s.DirtyBytes += l.DirtyBytes
	s.Horizons += l.Horizons
	s.Emptied += l.Emptied
	s.TornBytes += l.TornBytes
	s.CutFiles += l.CutFiles
	s.CutBytes += l.CutBytes
	s.DeletedFiles += l.DeletedFiles
	s.DeletedBytes += l.DeletedBytes
	s.TimestampMax = max(s.TimestampMax, l.TimestampMax)
	if l.TimestampMin >= 0 && (s.TimestampMin < 0 || l.TimestampMin < s.TimestampMin) {
		s.TimestampMin = l.TimestampMin
	}
	for _, c := range l.Codecs {
		s.codec(c)
	}
}

// codec adds batches of a codec.
func (s *LogStat) codec(c CodecStat) {
	i := slices.IndexFunc(s.Codecs, func(o CodecStat) bool { return o.Codec == c.Codec })
	if i < 0 {
		s.Codecs = append(s.Codecs, c)
		return
	}
	o := &s.Codecs[i]
	o.Batches += c.Batches
	o.Bytes += c.Bytes
	if o.Unpacked >= 0 && c.Unpacked >= 0 {
		o.Unpacked += c.Unpacked
	} else {
		o.Unpacked = -1
	}
}

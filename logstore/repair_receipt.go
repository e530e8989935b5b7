package logstore

import (
	"encoding/json"
	"errors"
	"fmt"
)

const (
	receiptVersion = 1
	receiptFile    = "receipt.json"
)

// Receipt tells what a [Repair] found and did. It is in the backup directory as
// receipt.json, first as the plan, and once more when all is done.
type Receipt struct {
	Version   int    `json:"version"`
	Time      string `json:"time"`   // UTC, RFC 3339
	Moldau    string `json:"moldau"` // version of the program
	Directory string `json:"directory"`
	Backup    string `json:"backup,omitempty"` // directory
	DryRun    bool   `json:"dryRun,omitempty"`
	// Complete is false while changes are being made; of a receipt that stays so,
	// each change was made or not, and the next repair made the rest.
	Complete bool `json:"complete"`
	// Unclean tells that a store was not closed cleanly. It is opened and closed
	// before anything else; a dry run looks at it as it lies.
	Unclean   bool           `json:"unclean,omitempty"`
	Recovered []RecoveredLog `json:"recovered,omitempty"` // by that opening
	Changes   []*Change      `json:"changes"`
	Remaining []Finding      `json:"remaining,omitempty"` // faults that could not be mended; in a dry run all
}

// RecoveredLog is a log of which the engine's own recovery cut something.
type RecoveredLog struct {
	Log      string   `json:"log"`
	End      int64    `json:"end"` // offset
	BytesCut int64    `json:"bytesCut"`
	Reason   string   `json:"reason"`
	Kept     []string `json:"kept,omitempty"` // files that hold what was cut, where a whole batch is in it
}

// Change is what a repair does to one file.
type Change struct {
	File    string `json:"file"`    // below the file system's root
	Problem string `json:"problem"` // what was wrong
	Action  string `json:"action"`  // what was done
	// Lost are the records that are in no file any more but the backup.
	Lost []Lost `json:"lost,omitempty"`
	// Taken are the bytes that the new file lacks.
	Taken  []ByteRange `json:"taken,omitempty"`
	Backup string      `json:"backup,omitempty"` // the old file, below the receipt's directory; empty where there was none
	Aside  string      `json:"aside,omitempty"`  // what the old file is called now
	Old    *Digest     `json:"old,omitempty"`    // nil where there was no file
	New    *Digest     `json:"new,omitempty"`    // nil where there is none
}

// Lost is records that a log has no more. First may be above Last, where only
// bytes were lost.
type Lost struct {
	Log     string `json:"log"`
	First   int64  `json:"first"`   // offset
	Last    int64  `json:"last"`    // offset
	Records int64  `json:"records"` // -1 unknown: at most as many as there are offsets
}

func (l Lost) String() string {
	if l.Records < 0 {
		return fmt.Sprintf("up to %d records at offsets %d to %d of %s are lost", l.Last-l.First+1, l.First, l.Last, l.Log)
	}
	return fmt.Sprintf("%d records at offsets %d to %d of %s are lost", l.Records, l.First, l.Last, l.Log)
}

// ByteRange is a part of a file, To excluded.
type ByteRange struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Digest identifies a file's content.
type Digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
}

// Lost is all that the changes lost.
func (r *Receipt) Lost() (all []Lost) {
	for _, c := range r.Changes {
		all = append(all, c.Lost...)
	}
	return all
}

// MarshalJSON gives a finding the names that verify prints.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Severity string `json:"severity"`
		File     string `json:"file"`
		Byte     int64  `json:"byte"`
		Text     string `json:"text"`
	}{f.Severity.String(), f.File, f.Offset, f.Text})
}

// errReceipt tells that a directory was the backup of another repair.
var errReceipt = errors.New("the backup directory holds a receipt already")

func (r *Receipt) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

package dumplog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
)

// entryBytes are the sizes of index entries.
var entryBytes = map[string]int64{"index": 8, "timeindex": 12, "txnindex": 34}

// shape reports what the tool cannot notice: files that are not there, since it
// is only asked about files that exist, an entry cut short at an index's end,
// and the version of a transaction index, which it skips.
func (p *partition) shape() ([]Finding, error) {
	var found []Finding
	report := func(file, text string) {
		found = append(found, Finding{File: file, Pass: "files", Text: text})
	}
	for _, log := range p.files["log"] {
		for _, suffix := range []string{".index", ".timeindex"} {
			index := strings.TrimSuffix(log, ".log") + suffix
			if _, err := os.Stat(index); errors.Is(err, os.ErrNotExist) {
				report(index, "the segment has no such index")
			}
		}
	}
	for suffix, entry := range entryBytes {
		for _, file := range p.files[suffix] {
			info, err := os.Stat(file)
			if err != nil {
				return nil, err
			}
			if info.Size()%entry != 0 {
				report(file, fmt.Sprintf("%d bytes are no multiple of %d", info.Size(), entry))
			}
		}
	}
	for _, file := range p.files["txnindex"] {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for ; len(b) >= 34; b = b[34:] {
			if version := binary.BigEndian.Uint16(b); version != 0 {
				report(file, fmt.Sprintf("an entry of version %d", version))
			}
		}
	}
	return found, nil
}

package history

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Record is one record's identity.
type Record struct {
	Producer  string
	Partition int32
	Sequence  int64
}

// Value renders a record. Its length differs from record to record, so that
// batches do; every producer, in whatever language, renders the same.
func (r Record) Value() []byte {
	return fmt.Appendf(nil, "%s|%d|%d|%s", r.Producer, r.Partition, r.Sequence, strings.Repeat("x", int(r.Sequence*37%400)))
}

// Parse recognizes a value. A value that differs in a single byte from what a
// producer would have sent is not recognized.
func Parse(value []byte) (Record, bool) {
	fields := bytes.SplitN(value, []byte("|"), 4)
	if len(fields) != 4 {
		return Record{}, false
	}
	partition, err1 := strconv.ParseInt(string(fields[1]), 10, 32)
	sequence, err2 := strconv.ParseInt(string(fields[2]), 10, 64)
	r := Record{Producer: string(fields[0]), Partition: int32(partition), Sequence: sequence}
	if err1 != nil || err2 != nil || sequence < 0 || !bytes.Equal(r.Value(), value) {
		return Record{}, false
	}
	return r, true
}

package admin

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// expositionBytes is gathered before it is written.
const expositionBytes = 32 << 10

// family is a metric of which there is a series for each topic, partition or
// group. All of them are gauges.
type family struct {
	name, help string
	labels     []string
}

// exposition writes families in Prometheus' text format as they are walked. The
// client library would hold all series of a scrape at once, some 600 bytes each,
// and of 100,000 partitions that would be half a gigabyte.
type exposition struct {
	w       io.Writer
	out     []byte
	err     error    // of w; nothing is written after it
	numbers []string // of partitions
}

func newExposition(w io.Writer) *exposition {
	return &exposition{w: w, out: make([]byte, 0, expositionBytes+4<<10)}
}

// begin begins a family; its samples follow.
func (e *exposition) begin(f *family) {
	e.out = append(e.out, "# HELP "...)
	e.out = append(e.out, f.name...)
	e.out = append(e.out, ' ')
	e.out = append(e.out, f.help...) // ours, without anything to escape
	e.out = append(e.out, "\n# TYPE "...)
	e.out = append(e.out, f.name...)
	e.out = append(e.out, " gauge\n"...)
}

// sample writes one sample. values are those of the family's labels.
func (e *exposition) sample(f *family, v int64, values ...string) {
	e.out = append(e.out, f.name...)
	for i, value := range values {
		e.out = append(e.out, separator(i))
		e.out = append(e.out, f.labels[i]...)
		e.out = append(e.out, '=', '"')
		e.out = appendEscaped(e.out, value)
		e.out = append(e.out, '"')
	}
	if len(values) > 0 {
		e.out = append(e.out, '}')
	}
	e.out = append(e.out, ' ')
	e.out = strconv.AppendInt(e.out, v, 10)
	e.out = append(e.out, '\n')
	if len(e.out) >= expositionBytes {
		e.flush()
	}
}

func separator(i int) byte {
	if i == 0 {
		return '{'
	}
	return ','
}

// appendEscaped appends a label's value. Names of groups are any bytes; what is
// no UTF-8 would make all of the scrape unreadable, so it is spelled out.
func appendEscaped(out []byte, s string) []byte {
	if !utf8.ValidString(s) {
		quoted := strconv.QuoteToASCII(s)
		s = quoted[1 : len(quoted)-1]
	}
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '\n') < 0 {
		return append(out, s...)
	}
	for _, c := range []byte(s) {
		switch c {
		case '\\', '"':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, '\\', 'n')
		default:
			out = append(out, c)
		}
	}
	return out
}

// number is a partition's number as a label. A topic's partitions are numbered
// from 0 without gaps, and each is needed once for every family.
func (e *exposition) number(n int32) string {
	for int(n) >= len(e.numbers) {
		e.numbers = append(e.numbers, strconv.Itoa(len(e.numbers)))
	}
	return e.numbers[n]
}

// flush writes what was gathered.
func (e *exposition) flush() {
	if e.err == nil {
		_, e.err = e.w.Write(e.out)
	}
	e.out = e.out[:0]
}

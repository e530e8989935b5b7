package target

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Class is how far an execution came.
type Class uint8

const (
	// Early fell at a header: length, magic, checksum.
	Early Class = iota
	// Deep came past the header and was refused for what is behind it.
	Deep
	// Accepted was taken for sound.
	Accepted

	classes = iota
)

// flushEvery is after how many executions the file is written: often enough for a
// worker that is killed to lose little, rarely enough to cost nothing.
const flushEvery = 1 << 12

// tally counts the executions of one target.
type tally struct {
	target string

	mu     sync.Mutex
	counts [classes]uint64
	file   *os.File // nil before the first flush, and where nobody asks
}

var (
	allMu sync.Mutex
	all   []*tally
)

// tallyOf begins the tally of a target.
func tallyOf(target string) *tally {
	t := &tally{target: target}
	allMu.Lock()
	defer allMu.Unlock()
	all = append(all, t)
	return t
}

// count counts one execution.
func (t *tally) count(c Class) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[c]++
	if (t.counts[Early]+t.counts[Deep]+t.counts[Accepted])%flushEvery == 0 {
		t.flush()
	}
}

// flush writes the counts in place: a reader sees those of some moment.
func (t *tally) flush() {
	dir := os.Getenv(TallyDirectory)
	if dir == "" || t.counts == [classes]uint64{} {
		return
	}
	if t.file == nil {
		name := filepath.Join(dir, fmt.Sprintf("%s.%d", t.target, os.Getpid()))
		f, err := os.Create(name)
		if err != nil {
			panic(err) // somebody asked for counts and gets none
		}
		t.file = f
	}
	var b []byte
	for _, n := range t.counts {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if _, err := t.file.WriteAt(b, 0); err != nil {
		panic(err)
	}
}

// Flush writes what was not written yet. The TestMain of a package of targets calls
// it when all has run: in a worker that is when the fuzzing ends.
func Flush() {
	allMu.Lock()
	defer allMu.Unlock()
	for _, t := range all {
		t.mu.Lock()
		t.flush()
		t.mu.Unlock()
	}
}

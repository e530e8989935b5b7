package target

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The environment variables that ask for a soak.
const (
	SoakTarget  = "MOLDAU_FUZZ_SOAK"       // name of the target
	SoakTime    = "MOLDAU_FUZZ_SOAK_TIME"  // a duration
	SoakSeed    = "MOLDAU_FUZZ_SOAK_SEED"  // of the random numbers; the time's, if it is not given
	SoakCorpora = "MOLDAU_FUZZ_SOAK_CACHE" // a directory of more inputs, as Go's fuzzer keeps them
)

// Soak runs the target that the environment names, blindly, for as long as it says,
// and does nothing if it names none. An input that fails is kept where Go's fuzzer
// would keep it, so that from then on every go test runs it.
func Soak(t *testing.T, all []*Target) {
	name := os.Getenv(SoakTarget)
	for _, x := range all {
		if x.Name == name {
			x.soak(t)
		}
	}
}

func (x *Target) soak(t *testing.T) {
	limit, err := time.ParseDuration(os.Getenv(SoakTime))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := strconv.ParseUint(os.Getenv(SoakSeed), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	seeds, err := x.Seeds()
	if err == nil {
		seeds = append(seeds, x.kept(os.Getenv(SoakCorpora))...)
	}
	if err != nil || len(seeds) == 0 {
		t.Fatalf("no seeds: %v", err)
	}
	// Every execution makes and drops small things: collect less often.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	draw := drawing{rand.New(rand.NewPCG(seed, 1)), seeds}
	began := time.Now()
	count := 0
	for ; count%256 > 0 || time.Since(began) < limit; count++ {
		x.try(t, draw.next())
	}
	t.Logf("%s: %d executions, %.0f/s, seed %d", x.Name, count, float64(count)/time.Since(began).Seconds(), seed)
}

// try is one execution. What fails is kept.
func (x *Target) try(t *testing.T, s Seed) {
	done := false
	defer func() {
		if !done {
			t.Logf("failed, kept as %s", x.keep(s))
		}
	}()
	data, program := bytes.Clone(s.Data), bytes.Clone(s.Program)
	x.tally.count(x.Body(t, data, program))
	done = true
}

// keep writes an input as Go's fuzzer does.
func (x *Target) keep(s Seed) string {
	text := fmt.Appendf(nil, "go test fuzz v1\n[]byte(%q)\n[]byte(%q)\n", s.Data, s.Program)
	dir := filepath.Join("testdata", "fuzz", x.Name)
	name := filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256(text))[:16])
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(name, text, 0o644)
	}
	if err != nil {
		return err.Error()
	}
	return name
}

// kept reads inputs as Go's fuzzer keeps them. Those of other targets are left out.
func (x *Target) kept(dir string) (all []Seed) {
	names, _ := filepath.Glob(filepath.Join(dir, x.Name, "*"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) != 3 {
			continue
		}
		data, ok1 := unquoted(lines[1])
		program, ok2 := unquoted(lines[2])
		if ok1 && ok2 {
			all = append(all, Seed{data, program})
		}
	}
	return all
}

func unquoted(line string) ([]byte, bool) {
	text, ok1 := strings.CutPrefix(line, "[]byte(")
	text, ok2 := strings.CutSuffix(text, ")")
	s, err := strconv.Unquote(text)
	return []byte(s), ok1 && ok2 && err == nil
}

// drawing makes inputs of seeds.
type drawing struct {
	rand  *rand.Rand
	seeds []Seed
}

func (d drawing) next() Seed {
	s := d.seeds[d.rand.IntN(len(d.seeds))]
	switch d.rand.IntN(8) {
	case 0, 1: // any program, mostly a short one
		s.Program = d.bytes(4 + d.rand.IntN(8<<d.rand.IntN(6)))
	case 2: // that of another
		s.Program = d.seeds[d.rand.IntN(len(d.seeds))].Program
	}
	s.Program = d.changed(s.Program, 1+d.rand.IntN(4))
	if d.rand.IntN(3) == 0 {
		s.Data = d.changed(s.Data, 1+d.rand.IntN(3))
	}
	return s
}

func (d drawing) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.rand.Uint32())
	}
	return b
}

// changed changes bytes here and there.
func (d drawing) changed(b []byte, times int) []byte {
	b = bytes.Clone(b)
	for range times {
		at := d.rand.IntN(len(b) + 1)
		end := min(at+d.rand.IntN(8), len(b))
		switch d.rand.IntN(6) {
		case 0, 1:
			if at < len(b) {
				b[at] = byte(d.rand.Uint32())
			}
		case 2:
			if at < len(b) {
				b[at] ^= 1 << d.rand.IntN(8)
			}
		case 3:
			b = append(b[:at:at], b[end:]...)
		case 4:
			b = append(b[:at:at], append(d.bytes(1+d.rand.IntN(4)), b[at:]...)...)
		default:
			b = append(b[:at:at], append(bytes.Clone(b[at:end]), b[at:]...)...)
		}
	}
	return b
}

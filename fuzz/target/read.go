package target

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// TallyDirectory is the environment variable that names where the counts go.
const TallyDirectory = "MOLDAU_FUZZ_TALLY"

// Counts are the executions of a target in all processes.
type Counts struct {
	Early, Deep, Accepted uint64
}

// All is the number of executions.
func (c Counts) All() uint64 { return c.Early + c.Deep + c.Accepted }

// Past is the share of them, in percent, that came past the header.
func (c Counts) Past() float64 {
	if c.All() == 0 {
		return 0
	}
	return 100 * float64(c.Deep+c.Accepted) / float64(c.All())
}

// Read adds up the counts in dir, by target.
func Read(dir string) (map[string]Counts, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	sums := map[string]Counts{}
	for _, f := range files {
		target, _, ok := strings.Cut(f.Name(), ".")
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		if !ok || len(b) != 8*classes {
			return nil, fmt.Errorf("target: %s is no file of counts", f.Name())
		}
		c := sums[target]
		c.Early += binary.BigEndian.Uint64(b)
		c.Deep += binary.BigEndian.Uint64(b[8:])
		c.Accepted += binary.BigEndian.Uint64(b[16:])
		sums[target] = c
	}
	return sums, nil
}

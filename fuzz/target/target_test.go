package target_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"moldau/fuzz/target"
)

// tried has all inputs of a soak.
var tried [][2]string

var sample = target.New("FuzzSample", func() ([]target.Seed, error) {
	return []target.Seed{{Data: []byte("data"), Program: []byte{1, 2, 3}}}, nil
}, func(t testing.TB, data, program []byte) target.Class {
	tried = append(tried, [2]string{string(data), string(program)})
	if len(program) > 0 && program[0] == 'x' && len(tried) > 1 {
		t.Fatal("x begins it")
	}
	return target.Class(len(program) % 3)
})

func TestMain(m *testing.M) {
	code := m.Run()
	target.Flush()
	os.Exit(code)
}

// A child that is told to soak has to find the input that fails, keep it, and count.
func TestSoak(t *testing.T) { target.Soak(t, []*target.Target{sample}) }

func TestSoakKeepsWhatFailsAndCounts(t *testing.T) {
	dir, tallies := t.TempDir(), t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSoak$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), target.SoakTarget+"=FuzzSample", target.SoakTime+"=1m", target.SoakSeed+"=1", target.TallyDirectory+"="+tallies)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "x begins it") {
		t.Fatalf("%v: %s", err, out)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "testdata", "fuzz", "FuzzSample", "*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v: %v", kept, err)
	}
	text, err := os.ReadFile(kept[0])
	if err != nil || !bytes.HasPrefix(text, []byte("go test fuzz v1\n[]byte(")) || !strings.Contains(string(text), `[]byte("x`) {
		t.Fatalf("kept %s: %v", text, err)
	}
	counts, err := target.Read(tallies)
	if err != nil || counts["FuzzSample"].All() == 0 || counts["FuzzSample"].Past() <= 0 || counts["FuzzSample"].Past() >= 100 {
		t.Fatalf("counted %+v: %v", counts, err)
	}
}

func TestReadRefusesWhatIsNoTally(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FuzzSample.1"), []byte("short"), 0o644); err != nil {
		t.Fatal(err)
	}
	if counts, err := target.Read(dir); err == nil {
		t.Fatalf("read %v", counts)
	}
}

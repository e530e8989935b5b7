package differential_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"moldau/fuzz/corpus"
	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/logstore/record"
)

// unpackedMax is our limit. Kafka has none.
const unpackedMax = 1 << 20

// verdict is what a reader makes of a batch.
type verdict struct {
	accepted bool
	records  int
	sum      uint32 // of all they hold
	reason   string // of a refusal
	odd      bool   // a header's key is not UTF-8
}

// differences are those that are meant, the first that fits counts.
var differences = []struct {
	name, why    string
	ours, kafkas string // parts of the reasons; "" is any, "accepted" an acceptance
}{
	{"padded varint", "one batch would have many encodings", "varint overflows or is padded", "accepted"},
	{"lengths below -1", "Kafka's reader takes any negative length for null", "negative length", "accepted"},
	{"order of offsets", "Kafka checks it when a client writes, not when it reads", "offset delta", "accepted"},
	{"empty batch with a codec", "Kafka unpacks nothing where there are no records", "compressed records do not unpack", "accepted 0"},
	{"more than the limit", "Kafka's reader has no limit", "records are too large", "accepted"},
	{"bytes without records", "Kafka looks at no byte where there are no records", "bytes follow the last record", "accepted 0"},
	{"damage behind the last record", "Kafka stops reading where the last record ends", "compressed records do not unpack", "accepted"},
	{"unknown codec without records", "Kafka unpacks nothing where there are no records", "unknown codec", "accepted 0"},
	{"header keys", "Kafka decodes keys of headers as UTF-8, we keep their bytes", "odd", "accepted"},
}

// TestAgainstKafka compares as many batches as MOLDAU_FUZZ_BATCHES says with the judge
// that MOLDAU_FUZZ_JUDGE is the command of.
func TestAgainstKafka(t *testing.T) {
	against(t, "batches", "MOLDAU_FUZZ_BATCHES", func(t *testing.T, j *judge, seed uint64) func(n int, tally map[string]int) {
		next := batches(t, seed)
		return func(n int, tally map[string]int) {
			inputs := make([][]byte, n)
			for i := range inputs {
				inputs[i] = next()
			}
			for i, kafkas := range j.judge(t, inputs) {
				tally[same(t, inputs[i], read(inputs[i]), kafkas)]++
			}
		}
	})
}

// TestSegmentsAgainstKafka compares whole segments, MOLDAU_FUZZ_SEGMENTS of them: batch
// for batch, up to the first that either refuses.
func TestSegmentsAgainstKafka(t *testing.T) {
	against(t, "segments", "MOLDAU_FUZZ_SEGMENTS", func(t *testing.T, j *judge, seed uint64) func(n int, tally map[string]int) {
		next := segments(t, seed)
		return func(n int, tally map[string]int) {
			inputs := make([][]byte, n)
			for i := range inputs {
				inputs[i] = next()
			}
			for i, kafkas := range j.judgeAll(t, inputs) {
				tally[sameAll(t, inputs[i], readAll(inputs[i]), kafkas)]++
			}
		}
	})
}

// against compares inputs with the judge, as many as the variable says, and prints how
// often they agreed and differed.
func against(t *testing.T, what, variable string, comparing func(t *testing.T, j *judge, seed uint64) func(n int, tally map[string]int)) {
	command := os.Getenv("MOLDAU_FUZZ_JUDGE")
	if command == "" {
		return
	}
	count, err := strconv.Atoi(os.Getenv(variable))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := strconv.ParseUint(os.Getenv("MOLDAU_FUZZ_SOAK_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	compareSome := comparing(t, startJudge(t, command), seed)
	tally := map[string]int{}
	for done := 0; done < count && !t.Failed(); done += 1000 {
		compareSome(min(1000, count-done), tally)
	}
	fmt.Printf("%d %s, seed %d\n", count, what, seed)
	for _, name := range []string{"both accept", "both refuse"} {
		fmt.Printf("%9d %s\n", tally[name], name)
	}
	for _, d := range differences {
		fmt.Printf("%9d %s: %s\n", tally[d.name], d.name, d.why)
	}
}

// same is compare, and fails where the difference is not listed.
func same(t *testing.T, input []byte, ours, kafkas verdict) (name string) {
	if name = compare(ours, kafkas); name == "" {
		t.Errorf("ours: %+v\nKafka's: %+v\n%x", ours, kafkas, input)
	}
	return name
}

// sameAll is same for the batches of a segment. What comes behind a difference that is
// meant is not looked at.
func sameAll(t *testing.T, input []byte, ours, kafkas []verdict) string {
	for i := range min(len(ours), len(kafkas)) {
		if name := same(t, input, ours[i], kafkas[i]); name != "both accept" {
			return name
		}
	}
	if len(ours) != len(kafkas) {
		t.Errorf("ours: %+v\nKafka's: %+v\n%x", ours, kafkas, input)
	}
	return "both accept"
}

// compare names how two verdicts agree or differ, "" where the difference is not listed.
func compare(ours, kafkas verdict) string {
	switch {
	case ours.accepted && kafkas.accepted && ours.records == kafkas.records && ours.sum == kafkas.sum:
		return "both accept"
	case !ours.accepted && !kafkas.accepted:
		return "both refuse"
	}
	for _, d := range differences {
		if fits(ours, d.ours) && fits(kafkas, d.kafkas) {
			return d.name
		}
	}
	return ""
}

func fits(v verdict, part string) bool {
	switch {
	case part == "":
		return true
	case part == "odd":
		return v.accepted && v.odd
	case strings.HasPrefix(part, "accepted"):
		return v.accepted && (part == "accepted" || v.records == 0)
	}
	return !v.accepted && strings.Contains(v.reason, part)
}

// read is what our reader makes of the first batch.
func read(input []byte) verdict {
	b, _, err := record.Next(input)
	if err == nil {
		err = b.Check()
	}
	if err != nil {
		return verdict{reason: err.Error()}
	}
	v := verdict{accepted: true}
	table := crc32.MakeTable(crc32.Castagnoli)
	add := func(b []byte) { v.sum = crc32.Update(v.sum, table, b) }
	sized := func(b []byte) {
		n := len(b)
		if b == nil {
			n = -1
		}
		add(binary.BigEndian.AppendUint32(nil, uint32(n)))
		add(b)
	}
	for r, err := range b.Records(unpackedMax) {
		if err != nil {
			return verdict{reason: err.Error()}
		}
		v.records++
		add(binary.BigEndian.AppendUint64(nil, uint64(r.Offset)))
		add(binary.BigEndian.AppendUint64(nil, uint64(r.TimestampMs)))
		sized(r.Key)
		sized(r.Value)
		add(binary.BigEndian.AppendUint32(nil, uint32(len(r.Headers))))
		for _, h := range r.Headers {
			v.odd = v.odd || !utf8.Valid(h.Key)
			sized(h.Key)
			sized(h.Value)
		}
	}
	return v
}

// readAll is what our reader makes of the batches of a segment, up to the first that it
// refuses.
func readAll(input []byte) (all []verdict) {
	for len(input) > 0 {
		v := read(input)
		if all = append(all, v); !v.accepted {
			break
		}
		_, input, _ = record.Next(input)
	}
	return all
}

// segments makes inputs of the corpus: first each file as it is, then changed ones.
func segments(t *testing.T, seed uint64) func() []byte {
	files, err := corpus.Files(".log")
	if err != nil {
		t.Fatal(err)
	}
	r, i := rand.New(rand.NewPCG(seed, 2)), 0
	return func() []byte {
		if i++; i <= len(files) {
			return files[i-1].Content
		}
		return mutate.Segment(files[r.IntN(len(files))].Content, 0, mutate.NewProgram(anyProgram(r, 60)))
	}
}

func anyProgram(r *rand.Rand, most int) []byte {
	program := make([]byte, 1+r.IntN(most))
	for i := range program {
		program[i] = byte(r.Uint32())
	}
	return program
}

// batches makes inputs of the corpus: first each batch as it is, then changed ones.
func batches(t *testing.T, seed uint64) func() []byte {
	files, err := corpus.Files(".log")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, f := range files {
		for _, b := range naive.ReadSegment(f.Content, 0).Batches {
			all = append(all, b.Bytes)
		}
		if s := naive.ReadSegment(f.Content, 0); len(s.Batches) == 0 { // of a segment that begins elsewhere
			t.Logf("%s: no batch", f.Name)
		}
	}
	r, i := rand.New(rand.NewPCG(seed, 1)), 0
	return func() []byte {
		if i++; i <= len(all) {
			return all[i-1]
		}
		return mutate.Batch(all[r.IntN(len(all))], mutate.NewProgram(anyProgram(r, 30)))
	}
}

// judge is Kafka's reader, in a process of its own.
type judge struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func startJudge(t *testing.T, command string) *judge {
	cmd := exec.Command("sh", "-c", command)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	return &judge{bufio.NewWriter(in), bufio.NewReader(out)}
}

// judge is what it makes of each input's first batch.
func (j *judge) judge(t *testing.T, inputs [][]byte) (all []verdict) {
	for _, line := range j.ask(t, inputs, 0) {
		all = append(all, verdictOf(t, line))
	}
	return all
}

// judgeAll is what it makes of each input's batches, up to the first that it refuses.
func (j *judge) judgeAll(t *testing.T, inputs [][]byte) (all [][]verdict) {
	for _, line := range j.ask(t, inputs, 1<<31) {
		var of []verdict
		for verdict := range strings.SplitSeq(strings.TrimSuffix(line, ";"), ";") {
			if verdict != "" {
				of = append(of, verdictOf(t, verdict))
			}
		}
		all = append(all, of)
	}
	return all
}

// ask gives it inputs, whose lengths have the flag set, and returns its answers.
func (j *judge) ask(t *testing.T, inputs [][]byte, flag uint32) (answers []string) {
	go func() {
		for _, b := range inputs {
			_, _ = j.in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))|flag))
			_, _ = j.in.Write(b)
		}
		_ = j.in.Flush()
	}()
	for range inputs {
		line, err := j.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, strings.TrimSpace(line))
	}
	return answers
}

func verdictOf(t *testing.T, said string) (v verdict) {
	if n, _ := fmt.Sscanf(said, "accept %d %d", &v.records, &v.sum); n == 2 {
		v.accepted = true
	} else if v.reason = strings.TrimPrefix(said, "reject "); v.reason == "" {
		t.Fatalf("the judge says %q", said)
	}
	return v
}

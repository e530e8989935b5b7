package vfs

import (
	"bytes"
	"errors"
	"testing"
)

// scriptedWriter writes, per pwritev, no more than the next of limits.
type scriptedWriter struct {
	limits  []int
	err     error // after the last limit
	content []byte
	vectors int // calls of pwritev
}

func (s *scriptedWriter) WriteAt(p []byte, off int64) (int, error) {
	if int(off) != len(s.content) {
		return 0, errors.New("not where the last write ended")
	}
	s.content = append(s.content, p...)
	return len(p), nil
}

func (s *scriptedWriter) pwritev(bufs [][]byte, off int64) (int, error) {
	s.vectors++
	if len(s.limits) == 0 {
		return 0, s.err
	}
	all := bytes.Join(bufs, nil)
	all = all[:min(len(all), s.limits[0])]
	s.limits = s.limits[1:]
	return s.WriteAt(all, off)
}

func TestWritevAtContinuesShortWrites(t *testing.T) {
	errDisk := errors.New("disk")
	bufs := [][]byte{[]byte("abc"), nil, []byte("defg"), {}, []byte("hi"), []byte("jklm")}
	const whole = "abcdefghijklm"
	for _, c := range []struct {
		name    string
		limits  []int
		want    string
		err     error
		vectors int
	}{
		{"in one", []int{100}, whole, nil, 1},
		{"nothing at first", []int{0, 100}, whole, nil, 2},
		{"cut in a buffer", []int{5, 100}, whole, nil, 2},
		{"cut between buffers", []int{3, 100}, whole, nil, 2},
		{"cut in the last", []int{11}, whole, nil, 1},
		{"cut often", []int{1, 1, 1, 1}, whole, nil, 4},
		{"error at once", nil, "", errDisk, 1},
		{"error after a cut", []int{5}, "abcdefg", errDisk, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &scriptedWriter{limits: c.limits, err: errDisk}
			n, err := writevAt(w, bufs, 0)
			if n != len(c.want) || err != c.err || string(w.content) != c.want || w.vectors != c.vectors {
				t.Fatalf("wrote %d, %v, %q in %d calls, want %q, %v in %d",
					n, err, w.content, w.vectors, c.want, c.err, c.vectors)
			}
		})
	}
}

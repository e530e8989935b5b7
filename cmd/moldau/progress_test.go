package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is what progress writes to, on a goroutine of its own.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// lines are what was shown one over the other.
func (s *screen) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Split(s.text.String(), "\r\x1b[K")
}

func TestProgressTellsRatesAndTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := startProgress(&out, true)
		p.total.Store(1000)
		second := func(records, size int) string {
			for range records {
				p.add(size)
				p.steps.Add(1)
			}
			time.Sleep(time.Second - progressInterval/2) // of the bubble's clock
			synctest.Wait()
			lines := out.lines()
			time.Sleep(progressInterval / 2)
			synctest.Wait()
			return lines[len(lines)-1]
		}
		if got, want := second(100, 2000), "100 records, 200 kB, 133 records/s, 267 kB/s, 10 % done, 7s left"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		for range 5 {
			second(10, 2000)
		}
		// The beginning is no longer in the rate.
		if got, want := second(10, 2000), "160 records, 320 kB, 10 records/s, 20 kB/s, 16 % done, 1m24s left"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		p.end()
		lines := out.lines()
		if got, want := lines[len(lines)-1], "160 records, 320 kB in 7s, 23 records/s, 46 kB/s\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestProgressThatIsNotShownWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := startProgress(&out, false)
		p.add(1)
		time.Sleep(time.Minute)
		p.end()
		if out.Len() > 0 {
			t.Errorf("wrote %q", &out)
		}
	})
}

func TestBytesText(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0 B", 999: "999 B", 999.6: "1.0 kB", 1000: "1.0 kB", 9_949: "9.9 kB", 9_950: "10 kB", 999_400: "999 kB",
		1e6: "1.0 MB", 123e9: "123 GB", 5e17: "500 PB", 5e19: "50000 PB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("%v is %q, want %q", n, got, want)
		}
	}
}

func TestOnlyTerminalsAreTerminals(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, f := range []any{r, w, null, &bytes.Buffer{}, nil} {
		if isTerminal(f) {
			t.Errorf("%v is taken for a terminal", f)
		}
	}
}

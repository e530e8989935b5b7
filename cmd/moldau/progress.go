package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// isTerminal tells whether a person would see what is written to w, or types
// what is read from it.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a device as well
	return err != nil || !os.SameFile(info, null)
}

// statusLine is the terminal's line that the cursor is in, which is written over
// again and again.
type statusLine struct {
	w     io.Writer
	drawn bool
}

func (l *statusLine) show(text string) {
	l.drawn = true
	fmt.Fprint(l.w, "\r\x1b[K"+text)
}

func (l *statusLine) clear() {
	if l.drawn {
		l.drawn = false
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}

const (
	progressInterval = 250 * time.Millisecond
	// progressSpan is the time that a rate is about: long enough to be read, short
	// enough to be of now.
	progressSpan = 4 * time.Second
)

// progress counts what is done, and if it is shown tells how much and how fast
// on a line of its own. Counting is for any goroutine; the line belongs to one
// of progress's own until end.
type progress struct {
	records, bytes atomic.Int64
	// steps of total are done, where the total is known: it is not of records, for
	// some offsets have none.
	steps, total atomic.Int64

	line    statusLine
	begun   time.Time
	samples []progressSample // of progressSpan, oldest first
	stop    chan struct{}    // nil if it is not shown
	stopped chan struct{}
}

type progressSample struct {
	at                    time.Time
	records, bytes, steps int64
}

func startProgress(w io.Writer, shown bool) *progress {
	p := &progress{line: statusLine{w: w}, begun: time.Now()}
	if shown {
		p.stop, p.stopped = make(chan struct{}), make(chan struct{})
		p.samples = append(p.samples, p.sample(p.begun))
		go p.run()
	}
	return p
}

func (p *progress) add(bytes int) {
	p.records.Add(1)
	p.bytes.Add(int64(bytes))
}

func (p *progress) run() {
	defer close(p.stopped)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			p.line.show(p.text(now))
		}
	}
}

// end leaves a summary in place of the line.
func (p *progress) end() {
	if p.stop == nil {
		return
	}
	close(p.stop)
	<-p.stopped
	p.line.clear()
	now := time.Now()
	first := progressSample{at: p.begun}
	fmt.Fprintf(p.line.w, "%s in %v, %s\n", p.countText(), now.Sub(p.begun).Round(time.Millisecond), first.rateText(p.sample(now)))
}

func (p *progress) sample(now time.Time) progressSample {
	return progressSample{now, p.records.Load(), p.bytes.Load(), p.steps.Load()}
}

func (p *progress) text(now time.Time) string {
	s := p.sample(now)
	p.samples = append(p.samples, s)
	for now.Sub(p.samples[0].at) > progressSpan {
		p.samples = p.samples[1:]
	}
	first := p.samples[0]
	text := p.countText() + ", " + first.rateText(s)
	if total := p.total.Load(); total > 0 {
		text += fmt.Sprintf(", %d %% done", min(s.steps, total)*100/total)
		if done := s.steps - first.steps; done > 0 && s.steps < total {
			left := float64(total-s.steps) / float64(done) * float64(s.at.Sub(first.at))
			text += fmt.Sprintf(", %v left", time.Duration(min(left, float64(99*time.Hour))).Round(time.Second))
		}
	}
	return text
}

func (p *progress) countText() string {
	return fmt.Sprintf("%d records, %s", p.records.Load(), bytesText(float64(p.bytes.Load())))
}

// rateText is what was done per second between two samples.
func (s progressSample) rateText(later progressSample) string {
	seconds := later.at.Sub(s.at).Seconds()
	if seconds <= 0 {
		return "0 records/s, 0 B/s"
	}
	return fmt.Sprintf("%.0f records/s, %s/s", float64(later.records-s.records)/seconds, bytesText(float64(later.bytes-s.bytes)/seconds))
}

// bytesText is a number of bytes to three digits, in powers of 1000.
func bytesText(n float64) string {
	units := strings.Fields("B kB MB GB TB PB")
	for n >= 999.5 && len(units) > 1 {
		n, units = n/1000, units[1:]
	}
	if n >= 9.95 || units[0] == "B" {
		return fmt.Sprintf("%.0f %s", n, units[0])
	}
	return fmt.Sprintf("%.1f %s", n, units[0])
}

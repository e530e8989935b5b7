package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"moldau/logstore"
)

// meter shows on a terminal how far the reading of a directory has come, ten
// times a second at most.
type meter struct {
	line  statusLine
	shown bool
	phase string
	begun time.Time // of the phase
	last  time.Time
}

func newMeter(w io.Writer) *meter {
	return &meter{line: statusLine{w: w}, shown: isTerminal(w)}
}

const meterBarWidth = 20

// show is for logstore's Progress.
func (m *meter) show(phase string, p logstore.CheckProgress) {
	if !m.shown {
		return
	}
	now := time.Now()
	if phase != m.phase {
		m.phase, m.begun = phase, now
	}
	if now.Sub(m.last) >= 100*time.Millisecond {
		m.last = now
		m.line.show(meterText(phase, p, now.Sub(m.begun)))
	}
}

// meterText is the line, with what was done in a time.
func meterText(phase string, p logstore.CheckProgress, in time.Duration) string {
	total := max(p.Total, p.Done, 1)
	full := int(p.Done * meterBarWidth / total)
	rate := float64(p.Done) / max(in.Seconds(), 0.001)
	text := fmt.Sprintf("%s [%s%s] %d %%, %s of %s, %s/s", phase, strings.Repeat("#", full), strings.Repeat(".", meterBarWidth-full),
		p.Done*100/total, bytesText(float64(p.Done)), bytesText(float64(total)), bytesText(rate))
	if p.Done > 0 && p.Done < total {
		text += fmt.Sprintf(", %v left", time.Duration(float64(total-p.Done)/rate*float64(time.Second)).Round(time.Second))
	}
	return text + "  " + filepath.Base(filepath.Dir(p.File))
}

// progress makes a command end when its context does.
func (m *meter) progress(ctx context.Context, phase string) func(logstore.CheckProgress) error {
	return func(p logstore.CheckProgress) error {
		m.show(phase, p)
		return ctx.Err()
	}
}

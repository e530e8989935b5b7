package servertest

import (
	"bytes"
	"strings"
	"sync"
)

// Log collects what a broker logs. The zero Log is ready for use.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer // under mu
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// Count is how often a text was logged.
func (l *Log) Count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

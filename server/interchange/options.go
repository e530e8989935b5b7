package interchange

import (
	"errors"
	"fmt"
	"time"

	"moldau/logstore"
)

// Method is how data come to the target.
type Method uint8

const (
	// Copy leaves source and target independent of each other.
	Copy Method = iota
	// Link shares sealed segments by hard links: it needs no room for them, and one
	// file system. Both sides may go on, but neither may truncate into what it shares,
	// as a replica does whose leader lost records: that cuts the file of both.
	Link
	// Move is Link, and then takes the source out of service: what was taken over is
	// removed from it.
	Move
)

var methods = [...]string{"copy", "link", "move"}

func (m Method) String() string { return methods[m] }

// ParseMethod is the inverse of String.
func ParseMethod(s string) (Method, error) {
	for m, name := range methods {
		if s == name {
			return Method(m), nil
		}
	}
	return 0, fmt.Errorf("%q is not copy, link or move", s)
}

// MarshalText is String.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMethod.
func (m *Method) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMethod(string(text))
	return err
}

// Options shapes an import or an export. The zero value is ready for use.
type Options struct {
	Method Method
	// MissingEmpty lets partitions that the metadata knows and the source lacks begin
	// empty, at offset 0, where they are refused otherwise.
	MissingEmpty bool
	// Unverified leaves out the reading of every batch of the target, which otherwise
	// comes last and refuses a source that is damaged.
	Unverified bool
	// DryRun plans, and writes nothing.
	DryRun bool
	// Version names the program in the receipt.
	Version string
	// Clock is nil for real time.
	Clock logstore.Clock
	// Progress, where set, is called about every MiB; an error ends the work.
	Progress func(Progress) error
}

// Progress tells how far the work has come. Every phase begins at 0.
type Progress struct {
	Phase string
	logstore.CheckProgress
}

// Phases, in this order. Recovering counts logs, the others bytes.
const (
	Copying    = "copy"
	Recovering = "recover"
	Verifying  = "verify"
)

// What callers branch on.
var (
	// ErrInUse tells that a broker, Kafka's or ours, is at work in the source.
	ErrInUse = errors.New("a broker is at work there")
	// ErrTarget tells that the target cannot be made, because something is there.
	ErrTarget = errors.New("the target is not empty")
	// ErrSource tells that the source is not what it must be.
	ErrSource = errors.New("not a source")
	// ErrMissing tells that the source lacks partitions that the metadata knows.
	ErrMissing = errors.New("partitions are missing")
	// ErrDamaged tells that a log of the source cannot be taken over whole.
	ErrDamaged = errors.New("a log is damaged")
	// ErrUnclean tells that the source was not closed cleanly, where it must be.
	ErrUnclean = errors.New("it was not closed cleanly")
)

func (o *Options) now() time.Time {
	if o.Clock == nil {
		return time.Now()
	}
	return o.Clock.Now()
}

func (o *Options) tell(phase, file string, done, total int64) error {
	if o.Progress == nil {
		return nil
	}
	return o.Progress(Progress{phase, logstore.CheckProgress{File: file, Done: done, Total: total}})
}

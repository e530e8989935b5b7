package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal: what a command has, and a function that
// returns what a person saw of it once the command is done.
func terminal(t *testing.T) (slave *os.File, seen func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	text := make(chan string)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, master) // ends with an error when the slave is closed
		text <- all.String()
	}()
	return slave, func() string {
		slave.Close()
		return <-text
	}
}

func TestProgressIsShownOnATerminal(t *testing.T) {
	s := newGroupSession(t)
	for _, tc := range []struct {
		args    string
		onOut   bool // the output is the terminal, too
		records string
	}{
		{"produce t --file FILE", false, "3 records, 6 B in "},
		{"produce t --file FILE --quiet", false, ""},
		{"consume t -o beginning -e", false, "6 records, 12 B in "},
		{"consume t -o beginning -e -g g", false, "6 records, 12 B in "},
		{"consume t -o beginning -e --quiet", false, ""},
		{"consume t -o beginning -e", true, ""},
	} {
		screen, seen := terminal(t)
		out := io.Writer(io.Discard)
		if tc.onOut {
			out = screen
		}
		args := strings.Replace(tc.args, "FILE", write(t, "v1\nv2\nv3\n"), 1)
		code := run(t.Context(), append(strings.Fields(args), "-b", s.addr), nil, out, screen)
		text := seen()
		if code != exitDone || tc.records != "" && !strings.Contains(text, tc.records) || tc.records == "" && strings.Contains(text, "records") {
			t.Errorf("%s (output on the terminal: %t): exit %d, %q", tc.args, tc.onOut, code, text)
		}
	}
}

func TestReadingOfLogsIsShownOnATerminal(t *testing.T) {
	data, file := logDir(t)
	flipByte(t, file, 65)
	for _, args := range []string{"verify", "stat", "repair"} {
		screen, seen := terminal(t)
		run(t.Context(), []string{"log", args, data}, nil, io.Discard, screen)
		if text := seen(); !strings.Contains(text, " 100 %, 70 B of 70 B") {
			t.Errorf("%s: %q", args, text)
		}
	}
}

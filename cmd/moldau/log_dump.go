package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"moldau/logstore/record"
)

// errPrint tells that the output failed, and not what was to be printed.
var errPrint = errors.New("cannot print")

// unpackedBytesMax is what one batch may unpack to while it is printed.
const unpackedBytesMax = 128 << 20

func newLogDumpCommand() *cobra.Command {
	var records bool
	c := &cobra.Command{
		Use:   "dump DIR|FILE",
		Short: "Print the batches of a .log file, or of all below a directory",
		Long: `Print the batches of a .log file, or of all .log files below a directory, one
line each; with --records each batch's records after it. A batch that is not
sound is told, and the next file is gone on with.

Exit codes: 0 all batches were sound, 1 one was not or the dump failed, 2 usage.`,
		Example: `  moldau log dump ./moldau-data/logs/orders-0
  moldau log dump orders-0/00000000000000000000.log --records
  moldau log dump ./moldau-data --format json --records`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			w := bufio.NewWriter(c.OutOrStdout())
			var out dumpPrinter = &textPrinter{w}
			if outputOf(c).json {
				out = newJSONPrinter(w)
			}
			d := dumper{out: out, records: records, ended: c.Context().Err}
			return errors.Join(d.path(args[0]), w.Flush())
		},
	}
	c.Flags().BoolVar(&records, "records", false, "print records as well")
	return c
}

// dumpPrinter prints what a dump comes by.
type dumpPrinter interface {
	file(name string) error
	batch(name string, at int64, b record.Batch) error
	record(r *record.Record, control bool) error
	bad(name string, at int64, err error) error
}

type dumper struct {
	out     dumpPrinter
	records bool
	ended   func() error // the error of the command's context
	buf     []byte
	it      record.Iterator
}

// path dumps a file, or the .log files below a directory.
func (d *dumper) path(name string) error {
	defer d.it.Close()
	files, err := logFiles(name)
	if err != nil {
		return err
	}
	faults := 0
	for _, file := range files {
		sound, err := d.file(file)
		if err != nil {
			return fmt.Errorf("dump %s: %w", file, err)
		}
		if !sound {
			faults++
		}
	}
	if faults > 0 {
		return fmt.Errorf("%w in %d files", errFaults, faults)
	}
	return nil
}

func logFiles(name string) (files []string, err error) {
	const suffix = ".log"
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if !strings.HasSuffix(name, suffix) {
			return nil, fmt.Errorf("%s is no %s file", name, suffix)
		}
		return []string{name}, nil
	}
	// WalkDir goes in the order of names, which is that of offsets.
	err = filepath.WalkDir(name, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(name, suffix) {
			files = append(files, name)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no %s file below %s", suffix, name)
	}
	return files, err
}

// file dumps a file up to where no further batch can be found.
func (d *dumper) file(name string) (sound bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if err := d.out.file(name); err != nil {
		return false, err
	}
	sound = true
	var h [record.HeaderBytes]byte
	for at := int64(0); ; {
		if err := d.ended(); err != nil {
			return false, err
		}
		b, err := d.next(f, at, info.Size(), &h)
		if err == io.EOF {
			return sound, nil
		}
		if err == nil {
			if err := d.out.batch(name, at, b); err != nil {
				return false, err
			}
			if err = d.printRecords(b); errors.Is(err, errPrint) {
				return false, err
			}
		}
		if err != nil {
			sound = false
			if err := d.out.bad(name, at, err); err != nil || b == nil {
				return false, err
			}
		}
		at += int64(b.Size())
	}
}

// next reads the batch at at. With an error it is nil where none can be cut.
// A length that lies within the file costs as much memory as it says.
func (d *dumper) next(f *os.File, at, size int64, h *[record.HeaderBytes]byte) (record.Batch, error) {
	header, err := record.ReadHeader(f, at, size, h)
	if err != nil {
		return nil, err
	}
	d.buf = slices.Grow(d.buf[:0], header.Size())[:header.Size()]
	if _, err := f.ReadAt(d.buf, at); err != nil {
		return nil, errors.Join(record.ErrShort, err)
	}
	b := record.Batch(d.buf)
	return b, b.Check()
}

// printRecords prints the records of b, if so wished. The error is b's, or
// errPrint.
func (d *dumper) printRecords(b record.Batch) error {
	if !d.records {
		return nil
	}
	if err := d.it.Reset(b, unpackedBytesMax); err != nil {
		return err
	}
	for d.it.Next() {
		if err := d.out.record(d.it.Record(), b.Control()); err != nil {
			return fmt.Errorf("%w: %w", errPrint, err)
		}
	}
	return d.it.Err()
}

package dumplog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"moldau/server/compat/java"
)

const tool = "org.apache.kafka.tools.DumpLogSegments"

// run is one pass over many files.
type run struct {
	kafka   *java.Kafka
	options []string
	report  *Report
	decodes bool // records are those of OffsetsTopic, decoded
}

// all gives the files to the tool in lists that fit into an argument.
func (r *run) all(ctx context.Context, files []string) error {
	for len(files) > 0 {
		n, bytes := 0, 0
		for n < len(files) && bytes+len(files[n]) < argumentBytesMax {
			bytes += len(files[n]) + 1
			n++
		}
		if err := r.list(ctx, files[:n]); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// list looks at files with one tool, or with more if an exception ends it. The
// tool keeps most of what it found for its end, so that an exception takes with
// it what was found before: those files are looked at again without the one
// that it was at, and the files behind it get a tool of their own.
func (r *run) list(ctx context.Context, files []string) error {
	for len(files) > 0 {
		p, err := r.once(ctx, files)
		if err != nil {
			return err
		}
		if !p.aborted {
			r.report.add(p.Report)
			return nil
		}
		if p.dumped == 0 {
			return fmt.Errorf("%s did not look at any file", tool)
		}
		at := p.dumped - 1
		for _, f := range p.Findings {
			if f.File == files[at] {
				r.report.Findings = append(r.report.Findings, f)
			}
		}
		if err := r.list(ctx, files[:at]); err != nil {
			return err
		}
		files = files[at+1:]
	}
	return nil
}

// once runs the tool. Both outputs share one pipe: only their order tells which
// file an error is about.
func (r *run) once(ctx context.Context, files []string) (*parser, error) {
	cmd := r.kafka.Command(ctx, tool, append(r.options, "--files", strings.Join(files, ","))...)
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	in.Close()
	if err != nil {
		return nil, err
	}
	p := &parser{decodes: r.decodes}
	readErr := p.read(out)
	err = cmd.Wait()
	if readErr != nil {
		return nil, fmt.Errorf("reading the tool's output: %w", readErr)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	p.aborted = err != nil || p.dumped < len(files)
	if p.aborted {
		p.complain(fmt.Sprintf("the tool ended here (%v)", cmd.ProcessState))
	}
	return p, nil
}

// parser reads what the tool says, line by line.
type parser struct {
	Report
	decodes bool
	aborted bool
	dumped  int    // files begun
	file    string // the one that is being looked at
	// open is the finding whose details may follow.
	open *Finding
	// The last index entry of file, to see that entries rise.
	entry [2]int64
}

func (p *parser) read(r io.Reader) error {
	// Lines carry header keys of any length, so a Scanner's limit would not do.
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadString('\n')
		p.line(strings.TrimRight(line, "\r\n"))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// complain begins a finding against the file that is being looked at.
func (p *parser) complain(text string) {
	p.Findings = append(p.Findings, Finding{File: p.file, Text: text})
	p.open = &p.Findings[len(p.Findings)-1]
}

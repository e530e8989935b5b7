package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// outputFormat is the value of --format.
type outputFormat string

const (
	formatText outputFormat = "text"
	formatJSON outputFormat = "json"
)

func (f *outputFormat) String() string { return string(*f) }
func (f *outputFormat) Type() string   { return "text|json" }

func (f *outputFormat) Set(s string) error {
	switch v := outputFormat(s); v {
	case formatText, formatJSON:
		*f = v
		return nil
	}
	return fmt.Errorf("%q is neither text nor json", s)
}

// output is where a command's results go, and in which form.
type output struct {
	w    io.Writer
	json bool
}

func outputOf(c *cobra.Command) output {
	return output{c.OutOrStdout(), c.Flag("format").Value.String() == string(formatJSON)}
}

// write writes v as one line of JSON, or what text prints, with columns that
// are separated by tabs aligned.
func (o output) write(v any, text func(w io.Writer)) error {
	if o.json {
		e := json.NewEncoder(o.w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	tw := tabwriter.NewWriter(o.w, 0, 8, 2, ' ', 0)
	text(tw)
	return tw.Flush()
}

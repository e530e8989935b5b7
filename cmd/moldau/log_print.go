package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"moldau/logstore/record"
)

// textPrinter prints a line per batch and an indented one per record.
type textPrinter struct{ w io.Writer }

func (p *textPrinter) file(name string) error {
	_, err := fmt.Fprintln(p.w, name)
	return err
}

func (p *textPrinter) batch(_ string, at int64, b record.Batch) error {
	var flags strings.Builder
	for _, f := range batchFlags(b) {
		flags.WriteString(" " + f)
	}
	if b.ProducerID() >= 0 {
		fmt.Fprintf(&flags, " producer %d/%d sequence %d-%d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), b.LastSequence())
	}
	_, err := fmt.Fprintf(p.w, "  @%d offsets %d-%d count %d epoch %d size %d %v max timestamp %d%s\n",
		at, b.BaseOffset(), b.LastOffset(), b.Count(), b.LeaderEpoch(), b.Size(), b.Codec(), b.MaxTimestamp(), flags.String())
	return err
}

func (p *textPrinter) record(r *record.Record, control bool) error {
	if control {
		_, err := fmt.Fprintf(p.w, "    %d at %d %s\n", r.Offset, r.TimestampMs, controlName(r))
		return err
	}
	var headers strings.Builder
	for _, h := range r.Headers {
		fmt.Fprintf(&headers, " %q=%s", h.Key, nullable(h.Value))
	}
	_, err := fmt.Fprintf(p.w, "    %d at %d key %s value %s%s\n", r.Offset, r.TimestampMs, nullable(r.Key), nullable(r.Value), headers.String())
	return err
}

func (p *textPrinter) bad(_ string, at int64, err error) error {
	_, werr := fmt.Fprintf(p.w, "  @%d FAULT %v\n", at, err)
	return werr
}

func nullable(b []byte) string {
	if b == nil {
		return "null"
	}
	return strconv.QuoteToASCII(string(b))
}

func batchFlags(b record.Batch) (flags []string) {
	for _, f := range []struct {
		set  bool
		name string
	}{{b.LogAppendTime(), "log-append-time"}, {b.Transactional(), "transactional"}, {b.Control(), "control"}, {b.HasDeleteHorizon(), "delete-horizon"}} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	return flags
}

func controlName(r *record.Record) string {
	kind, err := r.ControlType()
	if err != nil {
		return err.Error()
	}
	return kind.String()
}

// jsonPrinter prints an object per line: of a batch, a record or a fault, told
// apart by their first member. Keys and values are base64, null where null.
type jsonPrinter struct{ e *json.Encoder }

func newJSONPrinter(w io.Writer) *jsonPrinter {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &jsonPrinter{e}
}

func (p *jsonPrinter) file(string) error { return nil }

func (p *jsonPrinter) batch(name string, at int64, b record.Batch) error {
	return p.e.Encode(struct {
		Batch        int64    `json:"batch"`
		File         string   `json:"file"`
		LastOffset   int64    `json:"lastOffset"`
		Count        int32    `json:"count"`
		Epoch        int32    `json:"leaderEpoch"`
		Size         int      `json:"size"`
		Position     int64    `json:"position"`
		Codec        string   `json:"codec"`
		Timestamp    int64    `json:"baseTimestamp"`
		MaxTimestamp int64    `json:"maxTimestamp"`
		CRC          uint32   `json:"crc"`
		Producer     int64    `json:"producerId"`
		ProducerEp   int16    `json:"producerEpoch"`
		Sequence     int32    `json:"baseSequence"`
		Flags        []string `json:"flags,omitempty"`
	}{b.BaseOffset(), name, b.LastOffset(), b.Count(), b.LeaderEpoch(), b.Size(), at, b.Codec().String(), b.BaseTimestamp(), b.MaxTimestamp(),
		b.CRC(), b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), batchFlags(b)})
}

func (p *jsonPrinter) record(r *record.Record, control bool) error {
	type header struct {
		Key   string `json:"key"`
		Value []byte `json:"value"`
	}
	var headers []header
	for _, h := range r.Headers {
		headers = append(headers, header{string(h.Key), h.Value})
	}
	name := ""
	if control {
		name = controlName(r)
	}
	return p.e.Encode(struct {
		Record    int64    `json:"record"`
		Timestamp int64    `json:"timestamp"`
		Control   string   `json:"control,omitempty"`
		Key       []byte   `json:"key"`
		Value     []byte   `json:"value"`
		Headers   []header `json:"headers,omitempty"`
	}{r.Offset, r.TimestampMs, name, r.Key, r.Value, headers})
}

func (p *jsonPrinter) bad(name string, at int64, err error) error {
	return p.e.Encode(struct {
		Fault    string `json:"fault"`
		File     string `json:"file"`
		Position int64  `json:"position"`
	}{err.Error(), name, at})
}

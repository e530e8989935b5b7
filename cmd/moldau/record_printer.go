package main

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPrinter appends what is printed of a record.
type recordPrinter func(b []byte, p *kgo.FetchPartition, r *kgo.Record) []byte

func newRecordPrinter(layout string, asJSON bool) (recordPrinter, error) {
	if asJSON {
		return appendRecordJSON, nil
	}
	f, err := kgo.NewRecordFormatter(layout)
	if err != nil {
		return nil, usageErrorf("--record-format: %w", err)
	}
	return f.AppendPartitionRecord, nil
}

// recordJSON is a record as one line of JSON. A key or value is a string if it
// is UTF-8, null if it is null; any other is null with its base64 beside it, so
// that no byte is lost and no text has to be decoded twice.
type recordJSON struct {
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	Offset      int64        `json:"offset"`
	TimestampMs int64        `json:"timestampMs"`
	Key         *string      `json:"key"`
	KeyBase64   []byte       `json:"keyBase64,omitempty"`
	Value       *string      `json:"value"`
	ValueBase64 []byte       `json:"valueBase64,omitempty"`
	Headers     []headerJSON `json:"headers,omitempty"`
}

type headerJSON struct {
	Key         string  `json:"key"`
	Value       *string `json:"value"`
	ValueBase64 []byte  `json:"valueBase64,omitempty"`
}

func appendRecordJSON(b []byte, _ *kgo.FetchPartition, r *kgo.Record) []byte {
	j := recordJSON{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, TimestampMs: r.Timestamp.UnixMilli()}
	j.Key, j.KeyBase64 = textOrBytes(r.Key)
	j.Value, j.ValueBase64 = textOrBytes(r.Value)
	for _, h := range r.Headers {
		hj := headerJSON{Key: h.Key}
		hj.Value, hj.ValueBase64 = textOrBytes(h.Value)
		j.Headers = append(j.Headers, hj)
	}
	out := bytes.NewBuffer(b)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	// Strings, numbers and bytes always encode, and a buffer takes all.
	_ = e.Encode(j)
	return out.Bytes()
}

func textOrBytes(b []byte) (*string, []byte) {
	switch {
	case b == nil:
		return nil, nil
	case utf8.Valid(b):
		s := string(b)
		return &s, nil
	default:
		return nil, b
	}
}

package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestParseStart(t *testing.T) {
	for in, want := range map[string]start{
		"beginning":                 {kind: startBeginning},
		"end":                       {kind: startEnd},
		"0":                         {startOffset, 0},
		"9223372036854775807":       {startOffset, 1<<63 - 1},
		"@0":                        {startTimestamp, 0},
		"@1700000000123":            {startTimestamp, 1700000000123},
		"2026-01-31T12:00:00Z":      {startTimestamp, 1769860800000},
		"2026-01-31T13:00:00+01:00": {startTimestamp, 1769860800000},
		"2026-01-31T12:00:00.25Z":   {startTimestamp, 1769860800250},
	} {
		if got, err := parseStart("--offset", in); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-1", "@", "@-1", "@x", "1x", "9223372036854775808", "2026-01-31", "1969-01-01T00:00:00Z", "End"} {
		var u *usageError
		if got, err := parseStart("--offset", in); !errors.As(err, &u) {
			t.Errorf("%q: %+v, %v, want an error of usage", in, got, err)
		}
	}
}

func TestReadsVerb(t *testing.T) {
	for _, tc := range []struct {
		layout string
		verb   byte
		want   bool
	}{
		{`%v\n`, 'v', true},
		{`%v\n`, 'k', false},
		{`%%k%v`, 'k', false},
		{`%%%k`, 'k', true},
		{`%v{json}%k`, 'k', true},
		{`%v{hex}k`, 'k', false},
		{`%H %h{%k=%v }`, 'k', false},
		{`%H %h{%k{hex}=%v}%k`, 'k', true},
		{`%h{%k`, 'k', false},
		{`%`, 'k', false},
		{`k`, 'k', false},
	} {
		if got := readsVerb(tc.layout, tc.verb); got != tc.want {
			t.Errorf("%q reads %c: %t", tc.layout, tc.verb, got)
		}
	}
}

func TestTerminatedEndsTheLastLine(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a\n", "a\n": "a\n", "a\nb": "a\nb\n", "\n\n": "\n\n"} {
		for name, r := range map[string]io.Reader{
			"whole":          strings.NewReader(in),
			"byte by byte":   iotest.OneByteReader(strings.NewReader(in)),
			"end with bytes": iotest.DataErrReader(strings.NewReader(in)),
		} {
			if got, err := io.ReadAll(iotest.OneByteReader(&terminated{r: r})); err != nil || string(got) != want {
				t.Errorf("%q, %s: %q, %v", in, name, got, err)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(&terminated{r: iotest.ErrReader(broken)}); !errors.Is(err, broken) {
		t.Errorf("error became %v", err)
	}
}

func TestRecordAsJSON(t *testing.T) {
	at := time.UnixMilli(1700000000123)
	for _, tc := range []struct {
		name string
		r    kgo.Record
		want string
	}{
		{"text", kgo.Record{Topic: "t", Partition: 2, Offset: 7, Timestamp: at, Key: []byte("k"), Value: []byte("<v> \"ü\"\n")},
			`{"topic":"t","partition":2,"offset":7,"timestampMs":1700000000123,"key":"k","value":"<v> \"ü\"\n"}`},
		{"nulls", kgo.Record{Timestamp: at},
			`{"topic":"","partition":0,"offset":0,"timestampMs":1700000000123,"key":null,"value":null}`},
		{"empty is not null", kgo.Record{Timestamp: at, Key: []byte{}, Value: []byte{}},
			`{"topic":"","partition":0,"offset":0,"timestampMs":1700000000123,"key":"","value":""}`},
		{"bytes", kgo.Record{Timestamp: at, Key: []byte{0xff}, Value: []byte{0xfe, 0}, Headers: []kgo.RecordHeader{{Key: "a", Value: []byte{0x80}}, {Key: "b"}}},
			`{"topic":"","partition":0,"offset":0,"timestampMs":1700000000123,"key":null,"keyBase64":"/w==","value":null,"valueBase64":"/gA=",` +
				`"headers":[{"key":"a","value":null,"valueBase64":"gA=="},{"key":"b","value":null}]}`},
	} {
		if got := string(appendRecordJSON([]byte("x"), nil, &tc.r)); got != "x"+tc.want+"\n" {
			t.Errorf("%s:\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write makes a file in a directory of the test's own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.properties")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadProperties(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []property
	}{
		{"", nil},
		{"\n \t\n# a=1\n  ! b=2\\\nc=3", []property{{"c", "3", 5}}},
		{"a=1\r\nb : 2\rc 3\n\n d  =  4 \n", []property{{"a", "1", 1}, {"b", "2", 2}, {"c", "3", 3}, {"d", "4", 5}}},
		{"list=one,\\\n   two,\\\n#three\nnext=x\\\\\nlast=\\", []property{{"list", "one,two,#three", 1}, {"next", `x\`, 4}, {"last", "", 5}}},
		{`a\ b\=c=\u00e9\t\q` + "\n", []property{{"a b=c", "é\tq", 1}}},
		{"empty=\nnothing\n", []property{{"empty", "", 1}, {"nothing", "", 2}}},
		{"a=${b}\nb=${a}\n", []property{{"a", "${b}", 1}, {"b", "${a}", 2}}},
		{"\xef\xbb\xbfa=\xe9\n", []property{{"a", "é", 1}}}, // a byte order mark, and Latin-1
		{"a=ü", []property{{"a", "ü", 1}}},
	} {
		got, err := readProperties(write(t, tc.text))
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%q: %+v, %v, want %+v", tc.text, got, err, tc.want)
		}
	}
}

func TestBadPropertiesFilesAreRefusedWithTheirLine(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"a=1\n\nb=2\na=1\n", "server.properties:4: a is given before, in line 1"},
		{"# x\na=\\u12g4\n", "server.properties:2: invalid unicode literal"},
		{"a=1\n=2\n", "server.properties:2: "},
		{"a=\x00\n", "server.properties:1: it holds a NUL byte"},
		{"a=" + strings.Repeat("1", propertiesBytesMax), "no file of properties"},
		{"log.retention.ms=soon\n", "server.properties:1: Invalid value soon for configuration log.retention.ms: Not a number of type LONG"},
		{"node.id=1\nbroker.id=2\n", "server.properties:2: Invalid value 2 for configuration broker.id: node.id is 1"},
		{"listeners=SSL://:9093\n", "server.properties:1: Invalid value SSL://:9093 for configuration listeners: TLS needs a key and a certificate: ssl.keystore.location names a PEM file of both"},
		{"ssl.keystore.location=a.jks\nssl.keystore.type=JKS\nlisteners=SSL://:9093\n", "server.properties:2: Invalid value for configuration ssl.keystore.type: Moldau reads PEM"},
	} {
		path := write(t, tc.text)
		code, out, errOut := moldau(t.Context(), "", "serve", "--config", path)
		if code != exitUsage || out != "" || !strings.Contains(errOut, tc.want) || len(errOut) > 1000 {
			t.Errorf("%.50q: exit %d, %s", tc.text, code, errOut)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		if code, _, errOut := moldau(t.Context(), "", "serve", "--config", path); code != exitUsage || !strings.Contains(errOut, path) {
			t.Errorf("exit %d, %s", code, errOut)
		}
	}
}

// Whatever a file holds, it is read or refused.
func FuzzReadProperties(f *testing.F) {
	for _, seed := range []string{"a=1\n", "a=\\u12", "\\", "=\n", "a\\\n#b\n", ": :", "a=b\\\r\nc"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, l := range logicalLines(text) {
			if p, err := l.parse(); err == nil && (p.name == "" || p.line < 1) {
				t.Errorf("%q is read as %+v", l.text, p)
			}
		}
	})
}

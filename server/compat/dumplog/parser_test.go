package dumplog

import (
	"strings"
	"testing"
)

// The tool's own words, as 4.3.1 prints them, of records of the offsets topic, decoded.
func TestWhatCannotBeDecodedIsSeen(t *testing.T) {
	const start = "| offset: 3 CreateTime: 1 keySize: 22 valueSize: 24 sequence: 0 headerKeys: [] "
	for _, c := range []struct {
		name, said string
		want       Decoded
		findings   int
	}{
		{"commit", start + `key: {"type":"1","data":{"group":"g","topic":"t","partition":0}} payload: {"version":"3","data":{"offset":1}}`, Decoded{Commits: 1}, 0},
		{"group", start + `key: {"type":"2","data":{"group":"g"}} payload: {"version":"3","data":{}}`, Decoded{Groups: 1}, 0},
		{"a group's end", start + `key: {"type":"2","data":{"group":"g"}} payload: <DELETE>`, Decoded{Groups: 1}, 0},
		{"another kind", start + `key: {"type":"3","data":{}} payload: {"version":"0","data":{}}`, Decoded{Others: 1}, 0},
		{"a transaction's end", "| offset: 4 CreateTime: 1 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] endTxnMarker: COMMIT coordinatorEpoch: 0", Decoded{Others: 1}, 0},
		{"not decoded", start + `key: Error at offset 3, skipping. key 99`, Decoded{}, 1},
		{"not decoded, with payload", start + `key: key payload: value`, Decoded{}, 1},
	} {
		p := parser{decodes: true}
		if err := p.read(strings.NewReader(c.said + "\n")); err != nil {
			t.Fatal(err)
		}
		if p.Decoded != c.want || len(p.Findings) != c.findings || p.Records != 0 {
			t.Errorf("%s: decoded %+v, findings %v", c.name, p.Decoded, p.Findings)
		}
	}
}

// The tool's own words, as 4.3.1 prints them. The parser is tested from within
// because a test through Check needs a JVM; "dump --self-test" does that.
func TestEveryFaultIsSeenInTheToolsWords(t *testing.T) {
	const dumping = "Dumping /d/t-0/00000000000000000000.log\nLog starting offset: 0\n"
	batch := func(end string) string {
		return "baseOffset: 0 lastOffset: 77 count: 78 isTransactional: false position: 0 CreateTime: 1 size: 16377 magic: 2 compresscodec: none crc: 4 " + end + "\n"
	}
	for _, c := range []struct{ name, said, file, text string }{
		{"sound", dumping + batch("isvalid: true") + "| offset: 0 CreateTime: 1 keySize: -1 headerKeys: []\n", "", ""},
		{"sound index", "Dumping /d/t-0/1.index\noffset: 77 position: 0\noffset: 155 position: 16377\n", "", ""},
		{"empty index", "Dumping /d/t-0/1.index\n/d/t-0/1.index is empty.\n", "", ""},
		{"logging of the JVM", "SLF4J: Failed to load\n" + dumping, "", ""},
		{"bad CRC", dumping + batch("isvalid: false"), "/d/t-0/00000000000000000000.log", "isvalid: false"},
		{"foreign magic", dumping + strings.Replace(batch("isvalid: true"), "magic: 2", "magic: 7", 1), "", "magic: 7"},
		{"torn", dumping + "Found 20 invalid bytes at the end of 00000000000000000000.log\n", "", "20 invalid bytes"},
		{"index does not rise", "Dumping /d/t-0/1.index\noffset: 77 position: 50\noffset: 70 position: 60\n", "/d/t-0/1.index", "does not rise"},
		{"mismatch", dumping + "Mismatches in :/d/t-1/2.index\n  Index offset: 8, log offset: 9\n", "/d/t-1/2.index", "log offset: 9"},
		{"gap", dumping + "Non-consecutive offsets in /d/t-1/2.log\n  8 is followed by 10\n", "/d/t-1/2.log", "8 is followed by 10"},
		{"the tool's own slip", dumping + "Non-consecutive offsets in /d/t-1/2.log\n  -1 is followed by 10\n", "", ""},
		{"gap where compacted", dumping + "Non-consecutive offsets in /d/clean-1/2.log\n  8 is followed by 10\n", "", ""},
		{"snapshot", "Dumping /d/t-0/2.snapshot\nSnapshot is corrupt (CRC is no longer valid).\n", "/d/t-0/2.snapshot", "corrupt"},
		{"trace", dumping + "Exception in thread \"main\" java.lang.Error: x\n\tat a.b(C.java:1)\n", "/d/t-0/00000000000000000000.log", "at a.b"},
		{"anything else", dumping + "Never seen before\n", "", "Never seen"},
	} {
		var p parser
		if err := p.read(strings.NewReader(c.said)); err != nil {
			t.Fatal(err)
		}
		found := judge(p.Findings, "test", Options{Compacted: map[string]bool{"clean": true}})
		switch {
		case c.text == "" && len(found) == 0:
		case c.text == "" || len(found) != 1:
			t.Errorf("%s: findings %v", c.name, found)
		case !strings.Contains(found[0].Text, c.text) || c.file != "" && found[0].File != c.file:
			t.Errorf("%s: found %v", c.name, found[0])
		}
	}
}

package group

import (
	"bytes"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"moldau/logstore/record"
	"moldau/server/coordinator"
)

// Bytes that Apache Kafka 4.3.1 wrote into __consumer_offsets.
var kafkas = []struct{ name, key, value string }{
	{
		"offset",
		"0001" + "0001" + "67" + "0001" + "74" + "00000003",
		"0003" + "000000000000002a" + "00000007" + "0004" + "6d657461" + "0000018bcfe56800",
	},
	{
		"offset of a topic with an id",
		"0001" + "0001" + "67" + "0001" + "74" + "00000003",
		"0004" + "000000000000002a" + "00000007" + "05" + "6d657461" + "0000018bcfe56800" + "01" + "00" + "10" + "ab0000000000000000000000000000cd",
	},
	{
		"offset with an expiry",
		"0001" + "0001" + "67" + "0001" + "74" + "00000003",
		"0001" + "000000000000002a" + "0004" + "6d657461" + "0000018bcfe56800" + "0000018bcfe56be8",
	},
	{
		"group",
		"0002" + "0001" + "67",
		"0003" + "0008" + "636f6e73756d6572" + "00000005" + "0005" + "72616e6765" + "0003" + "6d2d31" + "0000018bcfe56800" +
			"00000001" + "0003" + "6d2d31" + "0001" + "69" + "0001" + "63" + "000a" + "2f3132372e302e302e31" + "0000ea60" + "00002710" +
			"00000002" + "abcd" + "00000001" + "ef",
	},
	{
		"group without members",
		"0002" + "0001" + "67",
		"0003" + "0008" + "636f6e73756d6572" + "00000006" + "ffff" + "ffff" + "0000018bcfe56800" + "00000000",
	},
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordsAreKafkas(t *testing.T) {
	w := newWorld(Options{})
	g := newGroup("g", startMs, &w.usage)
	g.protocolType, g.generation = "consumer", 6
	written := map[string][2][]byte{}
	note := func(name string, key, value []byte) { written[name] = [2][]byte{key, value} }
	p, c := partition{"t", 3}, committed{offset: 42, leaderEpoch: 7, metadata: "meta", atMs: startMs, expiresMs: -1}
	r := offsetRecord("g", p, c)
	note("offset", r.Key, r.Value)
	c.topicID = [16]byte{0xab, 15: 0xcd}
	r = offsetRecord("g", p, c)
	note("offset of a topic with an id", r.Key, r.Value)
	c.expiresMs = startMs + 1000
	r = offsetRecord("g", p, c)
	note("offset with an expiry", r.Key, r.Value)
	r = g.record(nil, startMs)
	note("group without members", r.Key, r.Value)
	g.generation, g.protocol = 5, "range"
	g.add(&member{id: "m-1", instance: "i", clientID: "c", clientHost: "/127.0.0.1", rebalanceMs: 60_000, sessionMs: 10_000,
		protocols: []Protocol{{"sticky", []byte("x")}, {"range", []byte{0xab, 0xcd}}}})
	r = g.record(map[string][]byte{"m-1": {0xef}, "stranger": {1}}, startMs)
	note("group", r.Key, r.Value)
	for _, k := range kafkas {
		if got := written[k.name]; !bytes.Equal(got[0], unhex(t, k.key)) || !bytes.Equal(got[1], unhex(t, k.value)) {
			t.Errorf("%s:\n%x\n%x, want\n%s\n%s", k.name, got[0], got[1], k.key, k.value)
		}
	}
}

// What Kafka wrote is read, in every version there was.
func TestReplayOfEveryVersion(t *testing.T) {
	offset := "0000000000000009"
	for version, value := range map[string]string{
		"0": "0000" + offset + "0001" + "78" + "0000018bcfe56800",
		"1": "0001" + offset + "0001" + "78" + "0000018bcfe56800" + "ffffffffffffffff",
		"2": "0002" + offset + "0001" + "78" + "0000018bcfe56800",
		"3": "0003" + offset + "00000000" + "0001" + "78" + "0000018bcfe56800",
		"4": "0004" + offset + "00000000" + "02" + "78" + "0000018bcfe56800" + "01" + "00" + "10" + strings.Repeat("ab", 16),
	} {
		w := newWorld(Options{})
		w.topics["t"] = [16]byte(bytes.Repeat([]byte{0xab}, 16))
		key := unhex(t, "0000"+"0001"+"67"+"0001"+"74"+"00000000")
		if err := w.machine.replayRecord(&record.Record{Key: key, Value: unhex(t, value)}); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
		if o := w.machine.offset("g", "t", 0); o.Offset != 9 || o.Metadata != "x" {
			t.Errorf("version %s: %+v", version, o)
		}
	}
	member := "0001" + "6d" + "0001" + "63" + "0001" + "68"
	for version, value := range map[string]string{
		"0": "0000" + "0001" + "63" + "00000004" + "0001" + "72" + "0001" + "6d" + "00000001" + member + "00001770" + "00000000" + "00000000",
		"1": "0001" + "0001" + "63" + "00000004" + "0001" + "72" + "0001" + "6d" + "00000001" + member + "00002710" + "00001770" + "00000000" + "00000000",
		"2": "0002" + "0001" + "63" + "00000004" + "0001" + "72" + "0001" + "6d" + "0000018bcfe56800" + "00000001" + member + "00002710" + "00001770" + "00000000" + "00000000",
		"4": "0004" + "02" + "63" + "00000004" + "02" + "72" + "02" + "6d" + "0000018bcfe56800" + "02" + "02" + "6d" + "00" + "02" + "63" + "02" + "68" + "00002710" + "00001770" + "01" + "01" + "00" + "00",
	} {
		w := newWorld(Options{})
		if err := w.machine.replayRecord(&record.Record{Key: unhex(t, "0002"+"0001"+"67"), Value: unhex(t, value)}); err != nil {
			t.Errorf("version %s: %v", version, err)
			continue
		}
		g := w.machine.groups["g"]
		if g.state != Stable || g.generation != 4 || g.leader != "m" || len(g.members) != 1 || g.members[0].sessionMs != 6000 || g.members[0].rebalanceMs < 6000 {
			t.Errorf("version %s: %+v %+v", version, g, g.members)
		}
	}
}

// What a group keeps of a record is its own: the record's memory is used again for
// the next.
func TestReplayKeepsNothingOfTheRecord(t *testing.T) {
	w := newWorld(Options{})
	value := unhex(t, kafkas[3].value)
	if err := w.machine.replayRecord(&record.Record{Key: unhex(t, kafkas[3].key), Value: value}); err != nil {
		t.Fatal(err)
	}
	clear(value)
	m := w.machine.groups["g"].members[0]
	if got := m.metadata("range"); !bytes.Equal(got, []byte{0xab, 0xcd}) || !bytes.Equal(m.assignment, []byte{0xef}) {
		t.Errorf("subscription %x, assignment %x", got, m.assignment)
	}
}

// A record that cannot be read is reported with its place and passed over: the
// other groups, and what was known of this one, are still there.
func TestRecordsThatDoNotParse(t *testing.T) {
	var logged strings.Builder
	w := newWorld(Options{})
	w.machine.log = slog.New(slog.NewTextHandler(&logged, nil))
	w.machine.commit(&CommitRequest{Group: "g", Generation: -1, Offsets: []CommitOffset{{Topic: "t", Offset: 5, RetentionMs: -1}}}, func(error) {})
	good := unhex(t, kafkas[3].value)
	bad := []struct{ key, value []byte }{
		{nil, nil},
		{[]byte{0}, good},
		{unhex(t, "0002"+"7fff"), good},
		{unhex(t, "0001"+"0001"+"67"+"0001"+"74"), good},
		{unhex(t, "0001"+"0001"+"67"+"0001"+"74"+"ffffffff"), unhex(t, kafkas[0].value)},
		{offsetKey("g", partition{"t", 0}), []byte{}},
		{offsetKey("g", partition{"t", 0}), []byte{0, 9, 1, 2, 3}},
		{groupKey("g"), unhex(t, "0005")},
		{groupKey("g"), unhex(t, "ffff")},
	}
	for cut := 2; cut < len(good); cut += 3 {
		bad = append(bad, struct{ key, value []byte }{groupKey("g"), good[:cut]})
	}
	huge := unhex(t, kafkas[4].value)
	copy(huge[len(huge)-4:], []byte{0x7f, 0xff, 0xff, 0xff}) // members that are not there
	bad = append(bad, struct{ key, value []byte }{groupKey("g"), huge})
	for i, r := range bad {
		before := strings.Count(logged.String(), "\n")
		w.machine.replay(&record.Record{Offset: int64(i), Key: r.key, Value: r.value})
		if strings.Count(logged.String(), "\n") != before+1 {
			t.Errorf("record %d, key %x, value %x, is not reported", i, r.key, r.value)
		}
	}
	// A kind of a later version is no fault.
	if err := w.machine.replayRecord(&record.Record{Key: unhex(t, "0003"+"0001"+"67"), Value: []byte("x")}); err != nil {
		t.Error(err)
	}
	if o := w.machine.offset("g", "t", 0); o.Offset != 5 || len(w.machine.groups) != 1 {
		t.Errorf("%+v of %d groups", o, len(w.machine.groups))
	}
}

// A count that no record has room for is no work: each of these kept a start busy for
// as long as it takes to count to four thousand million.
func TestCountsOfTagsAreNotBelieved(t *testing.T) {
	const many = "ffffffff0f"
	for name, r := range map[string]coordinator.Record{
		"offset": {Key: offsetKey("g", partition{"t", 0}), Value: unhex(t, "0004"+"000000000000002a"+"00000007"+"05"+"6d657461"+"0000018bcfe56800"+many)},
		"group":  {Key: groupKey("g"), Value: unhex(t, "0004"+"02"+"63"+"00000004"+"02"+"72"+"02"+"6d"+"0000018bcfe56800"+"01"+many)},
		"member": {Key: groupKey("g"), Value: unhex(t, "0004"+"02"+"63"+"00000004"+"02"+"72"+"02"+"6d"+"0000018bcfe56800"+"02"+"02"+"6d"+"00"+"02"+"63"+"02"+"68"+"00002710"+"00001770"+"01"+"01"+many)},
	} {
		if err := newWorld(Options{}).machine.replayRecord(&record.Record{Key: r.Key, Value: r.Value}); !errors.Is(err, errRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

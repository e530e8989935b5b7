package api_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/server/servertest"
)

// wellFormed is a request of every key, of some version, with something in it.
func wellFormed(t *testing.T, r *rand.Rand) (kmsg.Request, []byte) {
	keys := []int16{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 42, 47, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37, 44, 60, 75}
	key := keys[r.IntN(len(keys))]
	var req kmsg.Request
	switch key {
	case 0:
		req = produceTo(9, 1, "t", 0, plain(t))
	case 1:
		req = fetchFrom(12, "t", 0, 0)
	case 2:
		req = listOffsets(9, "t", 0, -1)
	case 3:
		req = metadataOf(12, false, "t", "u")
	default:
		req = kmsg.RequestForKey(key)
	}
	versions := kafka431[key]
	version := versions[0] + int16(r.IntN(int(versions[1]-versions[0])+1))
	if key == 0 {
		version = max(version, 3)
	}
	req.SetVersion(version)
	return req, req.AppendTo(nil)
}

// Bodies with bytes flipped, cut off and put in: each is answered or ends its
// connection, the broker stays well, and memory stays small.
func TestMangledRequestsHarmNobody(t *testing.T) {
	b := start(t)
	good := b.Dial()
	createTopic(good, t, "t", 1)
	createTopic(good, t, "u", 1)
	r := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const rounds = 2000
	for range rounds {
		req, body := wellFormed(t, r)
		switch r.IntN(4) {
		case 0:
			body = body[:r.IntN(len(body)+1)]
		case 1:
			for range 1 + r.IntN(8) {
				if len(body) > 0 {
					body[r.IntN(len(body))] = byte(r.Uint32())
				}
			}
		case 2:
			if at := r.IntN(len(body) + 1); at+4 <= len(body) {
				binary.BigEndian.PutUint32(body[at:], r.Uint32()|1<<30) // a count, perhaps
			}
		case 3:
			body = append(body, make([]byte, r.IntN(16))...)
		}
		c := b.Dial()
		c.SendBody(req.Key(), req.GetVersion(), req.IsFlexible(), body)
		c.Close()
	}
	if offset := mustProduce(good, t, "u", 0, plain(t)); offset != 0 {
		t.Logf("mangled requests wrote %d batches", offset)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > rounds*(1<<17) {
		t.Errorf("%d requests of some bytes cost %d MiB", rounds, grown>>20)
	}
}

// What counts promise is not paid for before it comes.
func TestCountsAreNotBelieved(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	huge := func(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
	for _, r := range []struct {
		name         string
		key, version int16
		flexible     bool
		body         []byte
	}{
		{"topics of Metadata", 3, 1, false, huge(1 << 30)},
		{"topics of ListOffsets", 2, 1, false, append(huge(0xffffffff), huge(1<<28)...)},
		{"topics of Fetch", 1, 4, false, append(make([]byte, 17), huge(1<<30)...)},
		{"topics of Produce", 0, 3, false, append(make([]byte, 8), huge(1<<30)...)},
		{"tags", 18, 3, true, []byte{2, 'x', 2, '1', 0xff, 0xff, 0xff, 0xff, 0x0f}},
		{"partitions of CreateTopics", 19, 5, true, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}},
		{"a batch of Produce", 0, 9, true, []byte{0, 0, 1, 0, 0, 0, 0, 2, 2, 't', 2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x07}},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := b.Dial()
			c.SendBody(r.key, r.version, r.flexible, r.body)
			c.Closed()
		})
	}
	if resp := b.Dial().Request(apiVersions(0)).(*kmsg.ApiVersionsResponse); resp.ErrorCode != 0 {
		t.Error("the broker does not answer any more")
	}
}

func TestBadFramesCloseTheConnection(t *testing.T) {
	b := start(t)
	for name, frame := range map[string][]byte{
		"negative size":      {0xff, 0xff, 0xff, 0xff},
		"too large":          {0x7f, 0xff, 0xff, 0xff},
		"no header":          {0, 0, 0, 0},
		"half a header":      {0, 0, 0, 3, 0, 18, 0},
		"not this protocol":  []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"a client id beyond": {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0x7f, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.Dial()
			c.Write(frame)
			c.Closed()
		})
	}
}

// A topic whose batches are walked refuses what unpacks to more than a broker
// may spend on it, and goes on.
func TestDecompressionBombIsRefused(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1, "moldau.validation", "records")
	bomb := append(plain(t)[:record.HeaderBytes], zstdBomb(1100)...)
	b := record.Batch(bomb)
	put32(b, 8, uint32(len(bomb)-12))
	b.SetAttributes(int16(record.Zstd))
	b.SetCRC(b.ComputeCRC())
	if answer := produce(c, produceTo(9, 1, "t", 0, bomb)); answer.ErrorCode != 87 && answer.ErrorCode != 10 {
		t.Errorf("%d bytes that unpack to 137 MiB: error code %d", len(bomb), answer.ErrorCode)
	}
	// The same below the limit is a record like any other.
	small := batchOf(t, record.BuilderOptions{}, "x")
	small = append(small[:record.HeaderBytes], zstdBomb(3)...)
	put32(small, 8, uint32(len(small)-12))
	small.SetAttributes(int16(record.Zstd))
	small.SetCRC(small.ComputeCRC())
	mustProduce(c, t, "t", 0, small)
}

// zstdBomb is one record in a zstd frame, whose value is so many blocks of
// 128 KiB of zeros, at 4 bytes each.
func zstdBomb(blocks int) []byte {
	const blockBytes = 128 << 10
	value := blocks*blockBytes - 1 // the last zero is the number of headers
	rest := append([]byte{0, 0, 0, 1}, binary.AppendVarint(nil, int64(value))...)
	start := binary.AppendVarint(nil, int64(len(rest)+value+1))
	start = append(start, rest...)
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x48} // no checksum, window 512 KiB
	block := func(last, kind, size int, content ...byte) {
		h := uint32(last | kind<<1 | size<<3)
		frame = append(frame, byte(h), byte(h>>8), byte(h>>16))
		frame = append(frame, content...)
	}
	const raw, repeated = 0, 1
	block(0, raw, len(start), start...)
	for n := range blocks {
		last := 0
		if n == blocks-1 {
			last = 1
		}
		block(last, repeated, blockBytes, 0)
	}
	return frame
}

// A connection that is abused does not disturb another.
func TestOtherConnectionsGoOn(t *testing.T) {
	b := start(t)
	good := b.Dial()
	createTopic(good, t, "t", 1)
	var bad []*servertest.Client
	for range 50 {
		c := b.Dial()
		c.Write([]byte{0x05, 0xf0, 0, 0, 0, 0}) // 95 MiB announced, 2 bytes sent
		bad = append(bad, c)
	}
	for n := range int64(20) {
		if offset := mustProduce(good, t, "t", 0, plain(t)); offset != n {
			t.Fatalf("offset %d, want %d", offset, n)
		}
	}
	for _, c := range bad {
		c.Close()
	}
}

package api_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/api"
	"moldau/server/servertest"
)

// cacheTest has one client open sessions of topic t, one partition or more each.
type cacheTest struct {
	t     *testing.T
	b     *servertest.Broker
	c     *sessionClient
	clock *servertest.Clock
}

func newCacheTest(t *testing.T, properties map[string]string) *cacheTest {
	clock := new(servertest.Clock)
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Clock: clock, Properties: properties})
	c := newSessionClient(t, b, 12)
	c.topic("t", 8)
	return &cacheTest{t, b, c, clock}
}

// open asks for a session and returns it; its id is 0 where there was no room.
func (c *cacheTest) open(partitions int32) sessionClient {
	c.t.Helper()
	s := *c.c
	var wants []want
	for n := range partitions {
		wants = append(wants, want{"t", n, 0})
	}
	s.send(s.request(wants...))
	return s
}

func (c *cacheTest) closed(s *sessionClient) {
	c.t.Helper()
	s.refused(s.request(), 70)
}

func (c *cacheTest) counted(want api.FetchSessionStats) {
	c.t.Helper()
	got := c.b.Server().FetchSessions()
	got.Bytes = 0
	if got != want {
		c.t.Errorf("counted %+v\n   want %+v", got, want)
	}
}

const aMinute = time.Minute

func TestFetchSessionsAreBounded(t *testing.T) {
	c := newCacheTest(t, map[string]string{"max.incremental.fetch.session.cache.slots": "2"})
	first, second := c.open(1), c.open(1)
	// Both are young: no session, which is no error, and no matter how large.
	if s := c.open(8); s.id != 0 {
		t.Errorf("session %d beyond the limit", s.id)
	}
	first.expect(first.request(), "")
	second.expect(second.request(), "")
	c.counted(api.FetchSessionStats{Sessions: 2, Partitions: 2, Created: 2, Refused: 1, Incremental: 2})
	// One that is left makes room.
	second.epoch = -1
	second.send(second.request(want{"t", 0, 0}))
	if s := c.open(3); s.id == 0 {
		t.Error("no session though one was left")
	}
	c.counted(api.FetchSessionStats{Sessions: 2, Partitions: 4, Created: 3, Refused: 1, Incremental: 2})
}

func TestNoFetchSessionsAtAll(t *testing.T) {
	c := newCacheTest(t, map[string]string{"max.incremental.fetch.session.cache.slots": "0"})
	if s := c.open(1); s.id != 0 {
		t.Errorf("session %d", s.id)
	}
	c.counted(api.FetchSessionStats{Refused: 1})
}

func TestIdleFetchSessionMakesRoom(t *testing.T) {
	c := newCacheTest(t, map[string]string{"max.incremental.fetch.session.cache.slots": "3"})
	first, second, third := c.open(5), c.open(5), c.open(5)
	c.clock.Step(aMinute)
	first.expect(first.request(), "")
	c.clock.Step(aMinute + time.Second)
	// The second was idle for longest, though all are of the same age.
	if s := c.open(1); s.id == 0 {
		t.Fatal("no session though one was idle for two minutes")
	}
	c.closed(&second)
	first.expect(first.request(), "")
	if s := c.open(1); s.id == 0 {
		t.Fatal("no session though one was idle for two minutes")
	}
	c.closed(&third)
	if s := c.open(1); s.id != 0 {
		t.Error("a session took the place of one that was not idle, nor smaller")
	}
	c.counted(api.FetchSessionStats{Sessions: 3, Partitions: 7, Created: 5, Evicted: 2, Refused: 1, Incremental: 2})
}

func TestLargerFetchSessionTakesAnOlderOnesPlace(t *testing.T) {
	c := newCacheTest(t, map[string]string{"max.incremental.fetch.session.cache.slots": "2"})
	large, small := c.open(4), c.open(1)
	stay := func() {
		small.send(small.request())
		large.send(large.request())
	}
	c.clock.Step(aMinute)
	stay()
	if s := c.open(8); s.id != 0 {
		t.Error("a young session was evicted")
	}
	c.clock.Step(aMinute + time.Second)
	stay()
	if s := c.open(1); s.id != 0 {
		t.Error("a session took the place of one as large as itself")
	}
	// The small one grows; the other one is the smallest now.
	small.send(small.request(want{"t", 5, 0}, want{"t", 6, 0}, want{"t", 7, 0}, want{"t", 1, 0}))
	next := c.open(5)
	if next.id == 0 {
		t.Fatal("a larger session was given none")
	}
	c.closed(&large)
	small.send(small.request())
	next.send(next.request())
	c.counted(api.FetchSessionStats{Sessions: 2, Partitions: 10, Created: 3, Evicted: 1, Refused: 2, Incremental: 7})
}

// A client that announces a huge session is answered, without one.
func TestHugeFetchSessionIsNone(t *testing.T) {
	c := newCacheTest(t, map[string]string{"moldau.fetch.sessions.bytes.max": "3500"})
	small, other := c.open(3), c.open(3)
	if s := c.open(8); s.id != 0 {
		t.Errorf("session %d beyond the limit", s.id)
	}
	// Names count.
	s := *c.c
	s.send(s.request(want{strings.Repeat("n", 30_000), 0, 0}))
	if s.id != 0 {
		t.Errorf("session %d beyond the limit", s.id)
	}
	if bytes := c.b.Server().FetchSessions().Bytes; bytes <= 0 || bytes > 3500 {
		t.Errorf("%d bytes", bytes)
	}
	// One that grows too large ends, which tells its client to begin again, and
	// then there is none.
	req := small.request()
	for n := range int32(20) {
		addFetch(req, "t", 100+n, 0)
	}
	small.refused(req, 70)
	c.closed(&small)
	other.expect(other.request(), "")
	c.counted(api.FetchSessionStats{Sessions: 1, Partitions: 3, Created: 2, Evicted: 1, Refused: 2, Incremental: 1})
	// Idle ones make room for memory as well.
	c.clock.Step(3 * aMinute)
	if s := c.open(8); s.id == 0 {
		t.Error("no session though an idle one held the memory")
	}
	c.closed(&other)
}

// What was forgotten counts for as long as it takes memory.
func TestForgottenPartitionsGiveMemoryBack(t *testing.T) {
	c := newCacheTest(t, nil)
	s := *c.c
	var wants []want
	var partitions []int32
	for n := range int32(1000) {
		wants, partitions = append(wants, want{"nope", n, 0}), append(partitions, n)
	}
	s.send(s.request(wants...))
	full := c.b.Server().FetchSessions().Bytes
	s.send(s.forget(s.request(), "nope", partitions[500:]...))
	half := c.b.Server().FetchSessions().Bytes
	s.send(s.forget(s.request(), "nope", partitions[1:500]...))
	one := c.b.Server().FetchSessions().Bytes
	if half <= full/2 || half >= full || one <= 0 || one > 1000 {
		t.Errorf("%d bytes for 1000 partitions, then %d for 500, then %d for one", full, half, one)
	}
	s.expect(s.request(), "nope-0:error 3")
}

func TestFetchSessionIDsArePositiveAndDiffer(t *testing.T) {
	c := newCacheTest(t, nil)
	seen := map[int32]bool{}
	for range 500 {
		s := c.open(1)
		if s.id <= 0 || seen[s.id] {
			t.Fatalf("session %d", s.id)
		}
		seen[s.id] = true
	}
}

// No test makes two thousand million requests.
func TestFetchSessionEpochsBeginAgain(t *testing.T) {
	for epoch, want := range map[int32]int32{0: 1, 1: 2, math.MaxInt32 - 1: math.MaxInt32, math.MaxInt32: 1} {
		if got := api.NextSessionEpoch(epoch); got != want {
			t.Errorf("%d comes after %d, want %d", got, epoch, want)
		}
	}
}

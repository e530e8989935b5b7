package api

import (
	"container/list"
	"encoding/binary"
	"math"
	"sync"
	"time"

	"github.com/google/btree"

	"moldau/logstore"
)

// sessionSafeTime is how long a session is left alone: no other takes its place
// while it is younger, nor, by being idle, before it was idle for as long.
const sessionSafeTime = 2 * time.Minute

// FetchSessionStats are what a broker's fetch sessions are, and what became of
// them since it was made.
type FetchSessionStats struct {
	Sessions   int64 // open now
	Partitions int64 // in all of them
	Bytes      int64 // that they take, about

	Created     int64
	Refused     int64 // requests for one that were answered without
	Evicted     int64 // to make room for others
	Incremental int64 // requests that went on with one
}

// fetchSessions are the open sessions. A client that gets none is answered in
// full each time, so any limit may be met at any time without an error.
//
// Where they are as many as may be, Kafka's rule says which one makes room: the
// least recently used if it was idle for two minutes, and else the one with the
// fewest partitions of those that are two minutes old, if the new one has more.
// (Kafka also puts followers before consumers; none are served yet.) Memory is
// bounded as well, which Kafka does not do, and there only idle ones make room:
// one large session would else end all the small ones.
//
// Its lock is taken inside a session's, never around it.
type fetchSessions struct {
	sessionsMax int
	bytesMax    int64
	clock       logstore.Clock
	random      func([]byte)

	mu    sync.Mutex
	byID  map[int32]*fetchSession
	used  *list.List                   // of *fetchSession, the least recently used first
	aged  *btree.BTreeG[*fetchSession] // those of byID that were two minutes old when used, the smallest first
	stats FetchSessionStats
}

// cachedSession is what the cache knows of a session, under the cache's lock.
type cachedSession struct {
	size      sessionSize
	createdAt time.Time
	usedAt    time.Time
	used      *list.Element // nil when it is closed
	aged      bool          // it is in aged
}

type sessionSize struct {
	partitions int
	bytes      int64
}

func newFetchSessions(o Options) *fetchSessions {
	return &fetchSessions{
		sessionsMax: o.FetchSessionsMax, bytesMax: o.FetchSessionsBytesMax, clock: o.Clock, random: o.Rand,
		byID: map[int32]*fetchSession{},
		used: list.New(),
		aged: btree.NewG(32, func(a, b *fetchSession) bool {
			x, y := &a.cached, &b.cached
			return x.size.partitions < y.size.partitions || x.size.partitions == y.size.partitions && a.id < b.id
		}),
	}
}

// FetchSessions tells about the fetch sessions.
func (b *Broker) FetchSessions() FetchSessionStats {
	b.sessions.mu.Lock()
	defer b.sessions.mu.Unlock()
	return b.sessions.stats
}

// find finds an open session.
func (c *fetchSessions) find(id int32) (*fetchSession, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byID[id]
	return s, ok
}

// open enters a session and gives it an id, unless there is no room.
func (c *fetchSessions) open(s *fetchSession, size sessionSize) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if !c.makeRoom(now, size) {
		c.stats.Refused++
		return false
	}
	s.id = c.newID()
	s.cached = cachedSession{size: size, createdAt: now, usedAt: now, used: c.used.PushBack(s)}
	c.byID[s.id] = s
	c.count(size, 1)
	c.stats.Sessions++
	c.stats.Created++
	return true
}

// use notes that a request goes on with a session, whose size may have changed.
// It reports false where the session is closed, be it now, for want of room.
func (c *fetchSessions) use(s *fetchSession, size sessionSize) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.cached.used == nil {
		return false
	}
	now := c.clock.Now()
	c.used.MoveToBack(s.cached.used)
	s.cached.usedAt = now
	if more := size.bytes - s.cached.size.bytes; more > 0 && !c.makeMemory(now, more) {
		c.remove(s)
		c.stats.Evicted++
		return false
	}
	if s.cached.aged && size.partitions != s.cached.size.partitions {
		c.aged.Delete(s)
		s.cached.aged = false
	}
	c.count(s.cached.size, -1)
	c.count(size, 1)
	s.cached.size = size
	if !s.cached.aged && now.Sub(s.cached.createdAt) > sessionSafeTime {
		c.aged.ReplaceOrInsert(s)
		s.cached.aged = true
	}
	c.stats.Incremental++
	return true
}

// close closes a session, if there is one of that id.
func (c *fetchSessions) close(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.byID[id]; ok {
		c.remove(s)
	}
}

// The rest is called with mu held.

func (c *fetchSessions) newID() int32 {
	for {
		var b [4]byte
		c.random(b[:])
		id := int32(binary.BigEndian.Uint32(b[:]) & math.MaxInt32)
		if _, taken := c.byID[id]; id != 0 && !taken {
			return id
		}
	}
}

func (c *fetchSessions) makeRoom(now time.Time, size sessionSize) bool {
	if c.sessionsMax <= 0 || !c.makeMemory(now, size.bytes) {
		return false
	}
	return len(c.byID) < c.sessionsMax || c.evictIdle(now) || c.evictSmaller(size.partitions)
}

func (c *fetchSessions) makeMemory(now time.Time, bytes int64) bool {
	for c.stats.Bytes+bytes > c.bytesMax {
		if bytes > c.bytesMax || !c.evictIdle(now) {
			return false
		}
	}
	return true
}

func (c *fetchSessions) evictIdle(now time.Time) bool {
	oldest := c.used.Front()
	if oldest == nil || now.Sub(oldest.Value.(*fetchSession).cached.usedAt) <= sessionSafeTime {
		return false
	}
	c.remove(oldest.Value.(*fetchSession))
	c.stats.Evicted++
	return true
}

func (c *fetchSessions) evictSmaller(partitions int) bool {
	smallest, ok := c.aged.Min()
	if !ok || smallest.cached.size.partitions >= partitions {
		return false
	}
	c.remove(smallest)
	c.stats.Evicted++
	return true
}

func (c *fetchSessions) remove(s *fetchSession) {
	if s.cached.aged {
		c.aged.Delete(s)
	}
	c.used.Remove(s.cached.used)
	s.cached.used, s.cached.aged = nil, false
	delete(c.byID, s.id)
	c.count(s.cached.size, -1)
	c.stats.Sessions--
}

func (c *fetchSessions) count(size sessionSize, sign int64) {
	c.stats.Partitions += sign * int64(size.partitions)
	c.stats.Bytes += sign * size.bytes
}

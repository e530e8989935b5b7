package replica

import (
	"hash/maphash"
	"sync/atomic"
)

// shardCount divides what a change copies. A map per shard is copied on write:
// a reader pays two loads and one map lookup. sync.Map was rejected: its key is
// an interface, so each lookup by name would allocate.
const shardCount = 64

// shards is a map for lock-free readers and one writer at a time.
type shards[K comparable, V any] struct {
	seed maphash.Seed
	maps [shardCount]atomic.Pointer[map[K]V]
}

func newShards[K comparable, V any]() *shards[K, V] {
	s := &shards[K, V]{seed: maphash.MakeSeed()}
	for i := range s.maps {
		s.maps[i].Store(&map[K]V{})
	}
	return s
}

func (s *shards[K, V]) shard(k K) *atomic.Pointer[map[K]V] {
	return &s.maps[maphash.Comparable(s.seed, k)%shardCount]
}

func (s *shards[K, V]) get(k K) (V, bool) {
	v, ok := (*s.shard(k).Load())[k]
	return v, ok
}

// set is the writer's; callers order themselves.
func (s *shards[K, V]) set(k K, v V) {
	p := s.shard(k)
	next := copied(*p.Load())
	next[k] = v
	p.Store(&next)
}

// remove is the writer's; callers order themselves.
func (s *shards[K, V]) remove(k K) {
	p := s.shard(k)
	next := copied(*p.Load())
	delete(next, k)
	p.Store(&next)
}

// all calls yield with each value, in no order, until it returns false.
func (s *shards[K, V]) all(yield func(V) bool) {
	for i := range s.maps {
		for _, v := range *s.maps[i].Load() {
			if !yield(v) {
				return
			}
		}
	}
}

// copied leaves room for the one entry that is about to come.
func copied[K comparable, V any](m map[K]V) map[K]V {
	next := make(map[K]V, len(m)+1)
	for k, v := range m {
		next[k] = v
	}
	return next
}

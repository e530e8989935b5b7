package group

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"moldau/server/coordinator"
)

// loadsAtOnce is how many partitions are loaded at the same time.
const loadsAtOnce = 4

// Coordinator is all groups of a broker. Its methods may be called concurrently.
//
// They return, or answer, Err... of this package. Where a method takes a
// function to answer with, that is called exactly once, by the caller's
// goroutine or another one's, and must not block: it may be called under a lock.
type Coordinator struct {
	o      Options
	usage  usage
	start  time.Time
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu     sync.Mutex // of who replaces shards
	closed bool       // under mu; no shard is made, and none loads
	shards atomic.Pointer[[]*shard]
	loads  chan struct{} // a token for each load under way

	alarm   *alarm
	stale   atomic.Bool // topics were deleted since the goroutine last looked
	running sync.WaitGroup
}

// New returns a coordinator that loads the groups there are in the background.
func New(o Options) *Coordinator {
	c := &Coordinator{
		o:     o.withDefaults(),
		loads: make(chan struct{}, loadsAtOnce),
		alarm: newAlarm(),
	}
	c.start = c.o.Clock.Now()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.shards.Store(&[]*shard{})
	c.Load()
	c.running.Go(c.watch)
	return c
}

// Close answers everyone who waits with ErrNotCoordinator and forgets all
// groups.
func (c *Coordinator) Close() error {
	c.cancel()
	c.mu.Lock()
	c.closed = true
	for _, s := range *c.shards.Load() {
		s.retire()
	}
	c.mu.Unlock()
	c.running.Wait()
	return nil
}

// Load begins to load what is not loaded yet. Groups are loaded anyway when they
// are asked for; loaded early they are there when they are.
func (c *Coordinator) Load() {
	for _, s := range c.all() {
		if _, err := s.enter(); err == nil {
			s.Unlock()
		}
	}
}

// Loading tells how many of the topic's partitions are not loaded yet.
func (c *Coordinator) Loading() (loading, total int) {
	shards := *c.shards.Load()
	for _, s := range shards {
		if s.isLoading() {
			loading++
		}
	}
	return loading, len(shards)
}

// now goes on with the monotonic clock, if the Clock reads it.
func (c *Coordinator) now() moment {
	now := c.o.Clock.Now()
	return moment{c.start.UnixMilli() + now.Sub(c.start).Milliseconds(), now.UnixMilli()}
}

// all is a shard for each partition of the topic as it is now.
func (c *Coordinator) all() []*shard {
	n := int(c.o.Partitions.Count())
	if shards := *c.shards.Load(); len(shards) == n {
		return shards
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.shards.Load()
	if len(old) == n || c.closed {
		return old
	}
	// The topic came, or went, or came again with other partitions.
	shards := make([]*shard, n)
	for i := range shards {
		shards[i] = &shard{c: c, partition: int32(i)}
	}
	c.shards.Store(&shards)
	for _, s := range old {
		s.retire()
	}
	return shards
}

// enter locks the shard of a group.
func (c *Coordinator) enter(group string) (*shard, *machine, error) {
	if c.ctx.Err() != nil {
		return nil, nil, ErrNotCoordinator
	}
	shards := c.all()
	if len(shards) == 0 {
		return nil, nil, ErrNotCoordinator
	}
	s := shards[coordinator.PartitionOf(group, int32(len(shards)))]
	m, err := s.enter()
	return s, m, err
}

// watch has the shards do what is due.
func (c *Coordinator) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-c.alarm.sooner:
		case <-c.ctx.Done():
			return
		}
		stale := c.stale.Swap(false)
		next := c.alarm.collect(func() {
			for _, s := range *c.shards.Load() {
				if stale {
					s.dropStale()
				}
				s.tick()
			}
		})
		timer.Reset(c.until(next))
	}
}

// until is how long it is from now to a time.
func (c *Coordinator) until(ms int64) time.Duration {
	if ms == math.MaxInt64 {
		return time.Hour
	}
	return max(time.Duration(ms-c.now().ms)*time.Millisecond, 0)
}

// Join serves a JoinGroup.
func (c *Coordinator) Join(r *JoinRequest, answer func(*JoinResponse)) {
	s, m, err := c.enter(r.Group)
	if err != nil {
		answer(&JoinResponse{Err: err, MemberID: r.MemberID})
		return
	}
	defer s.Unlock()
	m.join(r, answer)
}

// Sync serves a SyncGroup.
func (c *Coordinator) Sync(r *SyncRequest, answer func(*SyncResponse)) {
	s, m, err := c.enter(r.Group)
	if err != nil {
		answer(&SyncResponse{Err: err})
		return
	}
	defer s.Unlock()
	m.sync(r, answer)
}

// Heartbeat serves a Heartbeat. While groups are being loaded every member is
// believed to be one: nothing it could do would help.
func (c *Coordinator) Heartbeat(group, member, instance string, generation int32) error {
	s, m, err := c.enter(group)
	if errors.Is(err, ErrLoading) && group != "" {
		return nil
	}
	if err != nil {
		return err
	}
	defer s.Unlock()
	return m.heartbeat(group, member, instance, generation)
}

// Leave serves a LeaveGroup. It returns an error or nil for each member, or one
// for the whole request.
func (c *Coordinator) Leave(group string, members []Leaving) ([]error, error) {
	s, m, err := c.enter(group)
	if err != nil {
		return nil, err
	}
	defer s.Unlock()
	return m.leave(group, members)
}

// Bytes is about what a group takes, and what there is to tell about it.
func (c *Coordinator) Bytes(group string) int64 {
	s, m, err := c.enter(group)
	if err != nil {
		return 0
	}
	defer s.Unlock()
	if g, ok := m.groups[group]; ok {
		return g.bytes
	}
	return 0
}

// MetadataBytesMax is what the metadata of a committed offset may have.
func (c *Coordinator) MetadataBytesMax() int { return c.o.Limits.MetadataBytesMax }

// Commit serves an OffsetCommit.
func (c *Coordinator) Commit(r *CommitRequest, answer func(error)) {
	s, m, err := c.enter(r.Group)
	if err != nil {
		answer(err)
		return
	}
	defer s.Unlock()
	m.commit(r, answer)
}

// Offsets calls read with a function that looks offsets up, all as of one
// moment.
func (c *Coordinator) Offsets(group string, read func(of func(topic string, partition int32) PartitionOffset)) error {
	s, m, err := c.enter(group)
	if err != nil {
		return err
	}
	defer s.Unlock()
	read(func(topic string, partition int32) PartitionOffset { return m.offset(group, topic, partition) })
	return nil
}

// AllOffsets are the committed offsets of a group, by topic and partition; none
// for a group that is not there.
func (c *Coordinator) AllOffsets(group string) ([]PartitionOffset, error) {
	s, m, err := c.enter(group)
	if err != nil {
		return nil, err
	}
	defer s.Unlock()
	all := m.allOffsets(group)
	sortOffsets(all)
	return all, nil
}

// DeleteOffsets serves an OffsetDelete. It answers with an error or nil for each
// partition, or with one for all.
func (c *Coordinator) DeleteOffsets(group string, of []TopicPartition, answer func([]error, error)) {
	s, m, err := c.enter(group)
	if err != nil {
		answer(nil, err)
		return
	}
	defer s.Unlock()
	m.deleteOffsets(group, of, answer)
}

// List lists the groups, in order. ErrLoading and ErrCoordinatorUnavailable tell
// that some are missing.
func (c *Coordinator) List() ([]Listing, error) {
	var all []Listing
	var missing error
	for _, s := range c.all() {
		m, err := s.enter()
		if errors.Is(err, ErrNotCoordinator) {
			continue // another broker's, or nobody's
		}
		if err != nil {
			missing = err
			continue
		}
		m.list(func(l Listing) { all = append(all, l) })
		s.Unlock()
	}
	slices.SortFunc(all, func(a, b Listing) int { return strings.Compare(a.ID, b.ID) })
	return all, missing
}

// Describe describes a group. With ErrNotFound the description says that it is
// dead.
func (c *Coordinator) Describe(group string) (Description, error) {
	s, m, err := c.enter(group)
	if err != nil {
		return Description{ID: group}, err
	}
	defer s.Unlock()
	return m.describe(group)
}

// Delete serves a DeleteGroups of one group.
func (c *Coordinator) Delete(group string, answer func(error)) {
	s, m, err := c.enter(group)
	if err != nil {
		answer(err)
		return
	}
	defer s.Unlock()
	m.remove(group, answer)
}

// TopicsDeleted has the offsets of topics that are gone deleted, soon. Nobody is
// told such an offset from the moment on at which [Options.TopicID] says so.
func (c *Coordinator) TopicsDeleted() {
	c.stale.Store(true)
	c.alarm.ring()
}

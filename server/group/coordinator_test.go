package group_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/group"
)

// topic is __consumer_offsets on a store of its own.
type topic struct {
	t     *testing.T
	fs    vfs.FS
	store *logstore.Store
	logs  []*logstore.Log
	count atomic.Int32
	epoch atomic.Int32
}

func newTopic(t *testing.T, fs vfs.FS, partitions int) *topic {
	t.Helper()
	c := logstore.DefaultConfig()
	c.Delete, c.Compact = false, true
	store, err := logstore.Open(".", logstore.Options{FS: fs, Log: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	p := &topic{t: t, fs: fs, store: store}
	for i := range partitions {
		name := logstore.TopicPartition{Topic: group.Topic, Partition: int32(i)}
		log, err := store.Log(name)
		if errors.Is(err, logstore.ErrNotFound) {
			log, err = store.Create(name, logstore.TopicID{1}, c)
		}
		if err != nil {
			t.Fatal(err)
		}
		p.logs = append(p.logs, log)
	}
	p.count.Store(int32(partitions))
	p.epoch.Store(1)
	return p
}

func (p *topic) Count() int32 { return p.count.Load() }
func (p *topic) Lead(n int32) (*logstore.Log, int32, error) {
	return p.logs[n], p.epoch.Load(), nil
}

// coordinate runs a coordinator until the test's bubble ends.
func coordinate(t *testing.T, p *topic, o group.Options) *group.Coordinator {
	t.Helper()
	o.Partitions, o.Logger = p, slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Limits.MetadataBytesMax = 4096
	c := group.New(o)
	t.Cleanup(func() { _ = c.Close() })
	synctest.Wait()
	return c
}

// commit commits one offset and returns the answer.
func commit(c *group.Coordinator, id string, offset int64) error {
	answer := make(chan error, 1)
	c.Commit(&group.CommitRequest{Group: id, Generation: -1, Offsets: []group.CommitOffset{
		{Topic: "t", Offset: offset, LeaderEpoch: -1, RetentionMs: -1},
	}}, func(err error) { answer <- err })
	return <-answer
}

func deleteGroup(c *group.Coordinator, id string) error {
	answer := make(chan error, 1)
	c.Delete(id, func(err error) { answer <- err })
	return <-answer
}

func committed(t *testing.T, c *group.Coordinator, id string) int64 {
	t.Helper()
	var offset int64
	err := c.Offsets(id, func(of func(string, int32) group.PartitionOffset) { offset = of("t", 0).Offset })
	if err != nil {
		t.Fatalf("offsets of %s: %v", id, err)
	}
	return offset
}

// join joins a group as a new member of version 3, and returns where the answer
// will be.
func join(c *group.Coordinator, id string) chan *group.JoinResponse {
	answer := make(chan *group.JoinResponse, 1)
	c.Join(&group.JoinRequest{
		Group: id, ClientID: "c", SessionMs: 10_000, RebalanceMs: 10_000, ProtocolType: "consumer", Protocols: []group.Protocol{{Name: "range"}},
	}, func(r *group.JoinResponse) { answer <- r })
	return answer
}

// What was acknowledged is there when the power comes back, in every partition.
func TestAcknowledgedCommitsSurviveThePower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		c := coordinate(t, newTopic(t, mem, 7), group.Options{})
		for i := range 100 {
			if err := commit(c, fmt.Sprint("group", i%20), int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		again := coordinate(t, newTopic(t, mem.Crash(), 7), group.Options{})
		for i := range 20 {
			if got := committed(t, again, fmt.Sprint("group", i)); got != int64(80+i) {
				t.Errorf("group %d is at %d", i, got)
			}
		}
		list, err := again.List()
		if err != nil || len(list) != 20 {
			t.Errorf("%d groups, error %v", len(list), err)
		}
	})
}

// Compaction of the topic loses no offset, and no group comes back.
func TestOffsetsOfACompactedTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		p := newTopic(t, mem, 1)
		c := p.logs[0].Config()
		c.SegmentBytes, c.DeleteRetentionMs = 4000, 1000
		if err := p.logs[0].Configure(c); err != nil {
			t.Fatal(err)
		}
		co := coordinate(t, p, group.Options{})
		write := func(from int) {
			for i := range 300 {
				if err := commit(co, fmt.Sprint("group", i%10), int64(from+i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(0)
		if err := deleteGroup(co, "group3"); err != nil {
			t.Fatal(err)
		}
		before := p.logs[0].Bytes()
		time.Sleep(3 * time.Minute) // a checkpoint, and compaction
		if after := p.logs[0].Bytes(); after > before/2 {
			t.Fatalf("%d bytes of %d are left", after, before)
		}
		for range 3 { // and tombstones go
			write(1000)
			time.Sleep(3 * time.Minute)
			if err := deleteGroup(co, "group3"); err != nil {
				t.Fatal(err)
			}
		}
		again := coordinate(t, newTopic(t, mem.Crash(), 1), group.Options{})
		list, err := again.List()
		if err != nil || len(list) != 9 {
			t.Fatalf("%v, %v", list, err)
		}
		for i := range 10 {
			if got := committed(t, again, fmt.Sprint("group", i)); i != 3 && got != int64(1290+i) {
				t.Errorf("group %d is at %d", i, got)
			}
		}
	})
}

// The coordinator's one goroutine meets all deadlines, with nobody calling.
func TestDeadlinesAreMet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coordinate(t, newTopic(t, vfs.NewMem(), 3), group.Options{InitialDelayMs: 3000})
		begin := time.Now()
		for i := range 10 {
			answer := join(c, fmt.Sprint("group", i))
			j := <-answer
			if j.Err != nil {
				t.Fatal(j.Err)
			}
			if took := time.Since(begin); took != time.Duration(i+1)*3*time.Second {
				t.Fatalf("group %d was joined after %v", i, took)
			}
		}
		// Nobody syncs nor sends heartbeats.
		time.Sleep(11 * time.Second)
		list, err := c.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			if l.State != group.Empty {
				t.Errorf("%s is %s", l.ID, l.State)
			}
		}
		// Empty ones without offsets are forgotten at the next look.
		time.Sleep(11 * time.Minute)
		if list, err = c.List(); err != nil || len(list) != 0 {
			t.Errorf("%d groups are left, error %v", len(list), err)
		}
	})
}

// While groups are loaded clients are told so, and nobody takes a group that is
// not loaded for one that is not there.
func TestLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		first := coordinate(t, newTopic(t, mem, 1), group.Options{})
		if err := commit(first, "g", 5); err != nil {
			t.Fatal(err)
		}
		fault := vfs.NewFault(mem.Clone())
		p := newTopic(t, fault, 1)
		unblock := make(chan struct{})
		fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpRead {
				<-unblock
			}
			return nil
		})
		c := coordinate(t, p, group.Options{})
		if loading, total := c.Loading(); loading != 1 || total != 1 {
			t.Errorf("%d of %d are loading", loading, total)
		}
		if err := commit(c, "g", 6); !errors.Is(err, group.ErrLoading) {
			t.Errorf("commit while loading: %v", err)
		}
		if j := <-join(c, "g"); !errors.Is(j.Err, group.ErrLoading) {
			t.Errorf("join while loading: %v", j.Err)
		}
		if _, err := c.List(); !errors.Is(err, group.ErrLoading) {
			t.Errorf("list while loading: %v", err)
		}
		if _, err := c.Describe("g"); !errors.Is(err, group.ErrLoading) {
			t.Errorf("describe while loading: %v", err)
		}
		close(unblock)
		synctest.Wait()
		if got := committed(t, c, "g"); got != 5 {
			t.Errorf("loaded is %d", got)
		}
	})
}

// A load that fails is tried again, not at once and not for nothing.
func TestLoadIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		if err := commit(coordinate(t, newTopic(t, mem, 1), group.Options{}), "g", 5); err != nil {
			t.Fatal(err)
		}
		fault := vfs.NewFault(mem.Clone())
		p := newTopic(t, fault, 1)
		fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpRead {
				return io.ErrUnexpectedEOF
			}
			return nil
		})
		c := coordinate(t, p, group.Options{})
		if err := commit(c, "g", 6); !errors.Is(err, group.ErrCoordinatorUnavailable) {
			t.Errorf("commit after a load that failed: %v", err)
		}
		fault.SetHook(nil)
		time.Sleep(time.Second)
		if err := commit(c, "g", 6); !errors.Is(err, group.ErrLoading) {
			t.Errorf("commit at the next load: %v", err)
		}
		synctest.Wait()
		if got := committed(t, c, "g"); got != 5 {
			t.Errorf("loaded is %d", got)
		}
	})
}

// A new leadership fences the old one: what it holds is loaded from the log
// again, and those who wait are told to look for the coordinator.
func TestLeadershipChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTopic(t, vfs.NewMem(), 1)
		c := coordinate(t, p, group.Options{InitialDelayMs: 3000})
		if err := commit(c, "g", 5); err != nil {
			t.Fatal(err)
		}
		waits := join(c, "other")
		p.epoch.Add(1)
		if err := commit(c, "g", 6); !errors.Is(err, group.ErrLoading) {
			t.Errorf("commit under the new leadership: %v", err)
		}
		if j := <-waits; !errors.Is(j.Err, group.ErrNotCoordinator) {
			t.Errorf("join of the old leadership: %v", j.Err)
		}
		synctest.Wait()
		if got := committed(t, c, "g"); got != 5 {
			t.Errorf("loaded is %d", got)
		}
		// The topic goes, and all groups with it; one that is asked for meanwhile is
		// nobody's.
		p.count.Store(0)
		if err := commit(c, "g", 7); !errors.Is(err, group.ErrNotCoordinator) {
			t.Errorf("commit without a topic: %v", err)
		}
	})
}

// A log that cannot be synced keeps no groups: nothing is acknowledged, and
// nobody is left waiting.
func TestFailedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := vfs.NewFault(vfs.NewMem())
		c := coordinate(t, newTopic(t, fault, 1), group.Options{})
		if err := commit(c, "g", 5); err != nil {
			t.Fatal(err)
		}
		fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				return io.ErrUnexpectedEOF
			}
			return nil
		})
		if err := commit(c, "g", 6); !errors.Is(err, group.ErrNotCoordinator) {
			t.Errorf("commit whose sync fails: %v", err)
		}
		for range 3 {
			if err := commit(c, "g", 7); !errors.Is(err, group.ErrCoordinatorUnavailable) {
				t.Errorf("commit after it: %v", err)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// Ten thousand members at once: as many as there may be are taken, the others
// are told, and the group works.
func TestTenThousandMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coordinate(t, newTopic(t, vfs.NewMem(), 1), group.Options{InitialDelayMs: 3000, Limits: group.Limits{MembersMax: 2000}})
		answers := make([]chan *group.JoinResponse, 10_000)
		for i := range answers {
			answers[i] = join(c, "g")
		}
		taken, refused := 0, 0
		assignments := map[string][]byte{}
		var last *group.JoinResponse
		for _, a := range answers {
			switch j := <-a; {
			case j.Err == nil:
				taken, last = taken+1, j
				assignments[j.MemberID] = []byte("share")
			case errors.Is(j.Err, group.ErrFull):
				refused++
			default:
				t.Fatal(j.Err)
			}
		}
		if taken != 2000 || refused != 8000 {
			t.Fatalf("%d taken, %d refused", taken, refused)
		}
		told := make(chan *group.SyncResponse, taken)
		for id := range assignments {
			r := &group.SyncRequest{Group: "g", MemberID: id, Generation: last.Generation}
			if id == last.Leader {
				r.Assignments = assignments
			}
			c.Sync(r, func(s *group.SyncResponse) { told <- s })
		}
		for range taken {
			if s := <-told; s.Err != nil || string(s.Assignment) != "share" {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// What groups take is bounded: those that are there go on.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coordinate(t, newTopic(t, vfs.NewMem(), 3), group.Options{Limits: group.Limits{GroupsMax: 1000, BytesMax: 1 << 20}})
		full := 0
		for i := range 2000 {
			if err := commit(c, fmt.Sprint("group", i), 1); errors.Is(err, group.ErrFull) {
				full++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if full < 1000 || full > 1500 {
			t.Errorf("%d groups were refused", full)
		}
		if err := commit(c, "group0", 2); err != nil {
			t.Errorf("a group that was there: %v", err)
		}
		if j := <-join(c, "another"); !errors.Is(j.Err, group.ErrFull) {
			t.Errorf("another group: %v", j.Err)
		}
	})
}

// Offsets of a topic that was deleted while nobody looked go at the next load.
func TestOffsetsOfTopicsThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		if err := commit(coordinate(t, newTopic(t, mem, 1), group.Options{}), "g", 5); err != nil {
			t.Fatal(err)
		}
		gone := func(string) ([16]byte, bool) { return [16]byte{}, false }
		c := coordinate(t, newTopic(t, mem.Clone(), 1), group.Options{TopicID: gone})
		if got := committed(t, c, "g"); got != -1 {
			t.Errorf("offset %d of a topic that is gone", got)
		}
	})
}

// A commit that does not fit the log is refused as such, and the next one taken.
func TestCommitThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := coordinate(t, newTopic(t, vfs.NewMem(), 1), group.Options{})
		r := &group.CommitRequest{Group: "g", Generation: -1}
		for n := range int32(50_000) {
			r.Offsets = append(r.Offsets, group.CommitOffset{Topic: "t", Partition: n, RetentionMs: -1})
		}
		answer := make(chan error, 1)
		c.Commit(r, func(err error) { answer <- err })
		if err := <-answer; !errors.Is(err, group.ErrCommitTooLarge) {
			t.Errorf("%v", err)
		}
		if list, err := c.List(); err != nil || len(list) != 0 {
			t.Errorf("%v, error %v", list, err)
		}
		if err := commit(c, "g", 1); err != nil {
			t.Error(err)
		}
	})
}

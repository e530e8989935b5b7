package group

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// asks are what clients do, with what they are told.
func (w *world) asksToJoin(r JoinRequest) (told *JoinResponse) {
	r.ClientHost, r.SessionMs, r.RebalanceMs, r.ProtocolType = "/h", 10_000, 10_000, "consumer"
	if r.Protocols == nil {
		r.Protocols = []Protocol{{"range", []byte("m")}}
	}
	w.machine.join(&r, func(j *JoinResponse) { told = j })
	return told
}

func (w *world) asksToCommit(group string, offsets ...CommitOffset) (told error) {
	told = errors.New("not answered")
	w.machine.commit(&CommitRequest{Group: group, Generation: -1, Offsets: offsets}, func(err error) { told = err })
	return told
}

func at(topic string, partition int32, offset int64) CommitOffset {
	return CommitOffset{Topic: topic, Partition: partition, Offset: offset, LeaderEpoch: -1, RetentionMs: -1}
}

// A string that Kafka's records cannot hold is refused: cut or wrapped it would
// be another one.
func TestStringsThatRecordsCannotHold(t *testing.T) {
	w := newWorld(Options{})
	fits, long := strings.Repeat("x", 32_767), strings.Repeat("x", 32_768)
	forged := "victim\x00\x01t\x00\x00\x00\x00" + strings.Repeat("x", 65_536)
	for _, id := range []string{long, forged} {
		if err := w.asksToCommit(id, at("t", 0, 5)); !errors.Is(err, ErrInvalidGroupID) {
			t.Errorf("commit to a group id of %d bytes: %v", len(id), err)
		}
		if j := w.asksToJoin(JoinRequest{Group: id}); !errors.Is(j.Err, ErrInvalidGroupID) {
			t.Errorf("join of a group id of %d bytes: %v", len(id), j.Err)
		}
	}
	for name, r := range map[string]JoinRequest{
		"member":   {Group: "g", MemberID: long},
		"instance": {Group: "g", Instance: long},
		"protocol": {Group: "g", Protocols: []Protocol{{long, nil}}},
	} {
		if j := w.asksToJoin(r); j == nil || j.Err == nil {
			t.Errorf("join with %s of 32768 bytes: %+v", name, j)
		}
	}
	if err := w.asksToCommit(fits, at("t", 0, 5)); err != nil {
		t.Error(err)
	}
	// What fits comes back: a member with the longest names there are.
	w.asksToJoin(JoinRequest{Group: "g", ClientID: fits, Instance: fits})
	j := w.machine.groups["g"].members[0]
	w.machine.sync(&SyncRequest{Group: "g", MemberID: j.id, Instance: fits, Generation: 1}, func(s *SyncResponse) {
		if s.Err != nil {
			t.Error(s.Err)
		}
	})
	w.crash()
	if got := w.machine.offset(fits, "t", 0).Offset; got != 5 {
		t.Errorf("offset %d", got)
	}
	if d, err := w.machine.describe("g"); err != nil || d.State != Stable || len(d.Members) != 1 || d.Members[0].Instance != fits {
		t.Errorf("%v, %s", err, d.State)
	}
}

// A member id is text, however its client's name is cut: one that is not comes
// back from some clients as another one.
func TestMemberIDsAreText(t *testing.T) {
	w := newWorld(Options{})
	for n := range 4 {
		j := w.asksToJoin(JoinRequest{Group: "g", ClientID: strings.Repeat("x", n) + strings.Repeat("ü", 200), IDRequired: true})
		if !utf8.ValidString(j.MemberID) || len(j.MemberID) > 300 {
			t.Errorf("%d bytes: %q", len(j.MemberID), j.MemberID)
		}
	}
}

// Offsets are not what members say: a group may have as many as it likes and
// still take members.
func TestOffsetsDoNotKeepMembersOut(t *testing.T) {
	w := newWorld(Options{Limits: Limits{GroupBytesMax: 64 << 10}})
	for n := range int32(1000) {
		if err := w.asksToCommit("g", at("t", n, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if j := w.asksToJoin(JoinRequest{Group: "g"}); j == nil || j.Err != nil {
		t.Errorf("%+v", j)
	}
	// One that says too much is refused, and stays what it was.
	big := []Protocol{{"range", make([]byte, 64<<10)}}
	g := w.machine.groups["g"]
	if j := w.asksToJoin(JoinRequest{Group: "g", MemberID: g.members[0].id, Protocols: big}); !errors.Is(j.Err, ErrFull) || len(g.members) != 1 {
		t.Errorf("%+v, %d members", j, len(g.members))
	}
}

// What is repeated takes no more than what is said once, and what is empty is
// counted for what it takes.
func TestSmallThingsAreCounted(t *testing.T) {
	w := newWorld(Options{})
	same := make([]CommitOffset, 20_000)
	for i := range same {
		same[i] = at("t", 0, int64(i))
	}
	id := strings.Repeat("g", 30_000)
	if err := w.asksToCommit(id, same...); err != nil {
		t.Fatal(err)
	}
	if got := w.machine.offset(id, "t", 0).Offset; got != 19_999 {
		t.Errorf("of an offset that is committed often the last counts, not %d", got)
	}
	if n := len(w.journal.durable[len(w.journal.durable)-1]); n != 1 {
		t.Errorf("%d records", n)
	}
	for i := range same {
		same[i].Partition = int32(i)
	}
	if err := w.asksToCommit(id, same...); !errors.Is(err, ErrCommitTooLarge) {
		t.Errorf("records of 600 MB: %v", err)
	}
	empty := make([]Protocol, 1_000_000)
	if j := w.asksToJoin(JoinRequest{Group: "h", Protocols: empty}); !errors.Is(j.Err, ErrFull) {
		t.Errorf("a million protocols: %v", j.Err)
	}
}

// More offsets than fit one batch can be deleted all the same.
func TestDeletionInSeveralBatches(t *testing.T) {
	w := newWorld(Options{})
	id := strings.Repeat("g", 30_000)
	for n := range int32(1000) {
		if err := w.asksToCommit(id, at("t", n, 5)); err != nil {
			t.Fatal(err)
		}
	}
	before := len(w.journal.durable)
	w.machine.remove(id, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if batches := len(w.journal.durable) - before; batches < 5 || len(w.machine.groups) != 0 {
		t.Errorf("%d batches, %d groups", batches, len(w.machine.groups))
	}
	w.crash()
	if len(w.machine.groups) != 0 || w.usage.bytes.Load() != 0 {
		t.Errorf("%d groups, %d bytes after a crash", len(w.machine.groups), w.usage.bytes.Load())
	}
}

// When there is no memory left for more, what is there goes on; when there is
// none for growth either, it goes on as it is.
func TestFullAndBrimful(t *testing.T) {
	w := newWorld(Options{Limits: Limits{BytesMax: 64 << 10}})
	w.asksToJoin(JoinRequest{Group: "g", Instance: "i"})
	member := w.machine.groups["g"].members[0]
	for n := int32(0); !w.machine.full(); n++ {
		if err := w.asksToCommit("offsets", at("t", n, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.asksToCommit("another", at("t", 0, 5)); !errors.Is(err, ErrFull) {
		t.Errorf("another group: %v", err)
	}
	if j := w.asksToJoin(JoinRequest{Group: "g"}); !errors.Is(j.Err, ErrFull) {
		t.Errorf("another member: %v", j.Err)
	}
	// A static member that is started again is no other one.
	if j := w.asksToJoin(JoinRequest{Group: "g", Instance: "i"}); j != nil && j.Err != nil {
		t.Errorf("a static member again: %v", j.Err)
	}
	n := int32(10_000)
	for ; !w.machine.brimful(); n++ {
		if err := w.asksToCommit("offsets", at("t", n, 5)); err != nil {
			t.Fatalf("growth below the second limit: %v", err)
		}
	}
	if err := w.asksToCommit("offsets", at("t", n, 5)); !errors.Is(err, ErrFull) {
		t.Errorf("growth: %v", err)
	}
	if err := w.asksToCommit("offsets", at("t", 10_000, 6)); err != nil {
		t.Errorf("an offset that is there: %v", err)
	}
	big := []Protocol{{"range", make([]byte, 1000)}}
	if j := w.asksToJoin(JoinRequest{Group: "g", MemberID: member.id, Instance: "i", Protocols: big}); !errors.Is(j.Err, ErrFull) {
		t.Errorf("a member that says more: %v", j.Err)
	}
}

// While nothing may grow a leader's decision is not taken, and clients are told what they
// try again after.
func TestSyncWhileBrimful(t *testing.T) {
	w := newWorld(Options{})
	w.asksToJoin(JoinRequest{Group: "g", Instance: "i"})
	w.advance(3000)
	g := w.machine.groups["g"]
	decide := func() (told *SyncResponse) {
		w.machine.sync(&SyncRequest{
			Group: "g", MemberID: g.leader, Instance: "i", Generation: g.generation, Assignments: map[string][]byte{g.leader: []byte("all")},
		}, func(r *SyncResponse) { told = r })
		return told
	}
	w.usage.bytes.Add(2 * w.o.Limits.BytesMax)
	if r := decide(); r == nil || !errors.Is(r.Err, ErrCoordinatorUnavailable) {
		t.Fatalf("told %+v", r)
	}
}

// A check of expired offsets that never comes is none that comes all the time.
func TestExpiryIntervalOfForEver(t *testing.T) {
	w := newWorld(Options{ExpiryIntervalMs: math.MaxInt64})
	if at := w.machine.deadline(); at <= w.machine.now.ms {
		t.Errorf("due at %d, it is %d", at, w.machine.now.ms)
	}
}

// Deadlines that are over leave nothing behind.
func TestDeadlinesDoNotPileUp(t *testing.T) {
	w := newWorld(Options{})
	for i := range 5000 {
		id := w.asksToJoin(JoinRequest{Group: fmt.Sprint("g", i%10), IDRequired: true}).MemberID
		if errs, err := w.machine.leave(fmt.Sprint("g", i%10), []Leaving{{MemberID: id}}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
	}
	if len(w.machine.timers) != 0 || w.usage.bytes.Load() != 0 {
		t.Errorf("%d timers, %d bytes", len(w.machine.timers), w.usage.bytes.Load())
	}
	w.asksToJoin(JoinRequest{Group: "g", Instance: "i"})
	for range 5000 {
		w.asksToJoin(JoinRequest{Group: "g", Instance: "i"})
	}
	if len(w.machine.timers) > 3 {
		t.Errorf("%d timers of one member", len(w.machine.timers))
	}
}

// What a consumer says is read only as far as it matters here.
func TestSubscriptions(t *testing.T) {
	long := subscription("a", "b")
	many := make([]string, subscribedMax+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	bomb := append(long[:len(long):len(long)], 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff)
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"topics": {long, true}, "what is behind them": {bomb, true}, "none": {subscription(), true},
		"as many as are known": {subscription(append([]string{"b"}, many[2:]...)...), true}, "too many": {subscription(many...), false},
		"nothing": {nil, false}, "cut": {long[:8], false}, "count": {[]byte{0, 0, 0x7f, 0xff, 0xff, 0xff}, false},
		"negative count": {[]byte{0, 0, 0xff, 0xff, 0xff, 0xff}, false}, "negative version": {[]byte{0xff, 0xff, 0, 0, 0, 0}, false},
		"negative length": {[]byte{0, 0, 0, 0, 0, 1, 0xff, 0xff}, false},
	} {
		topics := map[string]struct{}{}
		if got := readSubscription(c.b, topics); got != c.want {
			t.Errorf("%s: %v", name, got)
		} else if _, ok := topics["b"]; c.want && name != "none" && !ok {
			t.Errorf("%s: %v", name, topics)
		}
	}
}

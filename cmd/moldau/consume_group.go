package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lastWordTimeout bounds what is still said to the group once the command is to
// end: the commit of what was printed, and the farewell.
const lastWordTimeout = 10 * time.Second

// groupReading prints what the group assigns to it. Offsets are committed only
// after the output took what stands before them, and the group does not
// rebalance in between: what was not printed by one member is printed by
// another.
type groupReading struct {
	reading
	topic string
	from  start // for partitions without a committed offset
	ends  map[int32]place
	admin *kadm.Client
	warn  io.Writer

	// mu guards reading as well: the client's goroutines assign and revoke.
	mu      sync.Mutex
	wake    context.CancelFunc        // ends the poll under way
	held    map[int32]bool            // partitions assigned
	refused map[int32]kgo.EpochOffset // commits of them that the group did not take
	failed  error                     // of an assignment
}

func (k *consumption) runGroup(ctx context.Context, topic string, from start, r reading, errOut io.Writer) error {
	admin, err := k.bootstrap.connectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	g := &groupReading{reading: r, topic: topic, from: from, admin: admin, warn: errOut, held: map[int32]bool{}, refused: map[int32]kgo.EpochOffset{}, wake: func() {}}
	g.spans, g.commits = map[int32]span{}, map[int32]kgo.EpochOffset{}
	if g.ends, err = k.ends(ctx, admin, topic); err != nil {
		return err
	}
	client, err := k.bootstrap.connect(ctx, append(pollUntilEnd(k.untilEnd),
		kgo.ConsumerGroup(k.group), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		// What groups of other clients agree on: the first is in use where all know it.
		kgo.Balancers(kgo.CooperativeStickyBalancer(), kgo.RangeBalancer(), kgo.RoundRobinBalancer()),
		// A committed offset that retention has overtaken: go on with what is left.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AdjustFetchOffsetsFn(g.assign),
		kgo.OnPartitionsRevoked(g.revoke), kgo.OnPartitionsLost(g.revoke))...)
	if err != nil {
		return err
	}
	err = g.follow(ctx, client)
	leaveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWordTimeout)
	defer cancel()
	client.AllowRebalance()
	if left := client.LeaveGroupContext(leaveCtx); left != nil {
		err = errors.Join(err, fmt.Errorf("leave group %s: %w", k.group, brokerError(left, "")))
	}
	client.CloseAllowingRebalance()
	return err
}

// ends are where the partitions end at the start.
func (k *consumption) ends(ctx context.Context, admin *kadm.Client, topic string) (map[int32]place, error) {
	partitions, err := partitionsOf(ctx, admin, topic, nil)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	return start{kind: startEnd}.places(ctx, admin, topic, partitions)
}

// assign is called with the partitions that are new, before any of their
// records come, and returns where they begin.
func (g *groupReading) assign(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var uncommitted []int32
	for p, o := range offsets[g.topic] {
		if o.EpochOffset().Offset < 0 {
			uncommitted = append(uncommitted, p)
		}
	}
	var begin map[int32]span
	var err error
	if len(uncommitted) > 0 {
		begin, err = g.from.resolve(ctx, g.admin, g.topic, uncommitted)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		g.failed = err
		g.wake()
	}
	if err != nil {
		return nil, err
	}
	for p, o := range offsets[g.topic] {
		if sp, ok := begin[p]; ok {
			o = kgo.NewOffset().At(sp.from)
			offsets[g.topic][p] = o
			// Or else a member that begins at the end, and ends before anything comes,
			// would leave out what comes before the next.
			g.commits[p] = kgo.EpochOffset{Epoch: -1, Offset: sp.from}
		}
		g.held[p] = true
		// Where records were deleted since the commit, or the topic was made anew, what
		// is there is to be read.
		sp := span{max(o.EpochOffset().Offset, g.ends[p].start), g.ends[p].end}
		if sp.from > sp.to {
			sp.from = g.ends[p].start
		}
		if g.untilEnd && sp.from >= sp.to {
			continue
		}
		g.spans[p] = sp
		g.expect(sp.to - sp.from)
	}
	if g.done() || len(g.commits) > 0 {
		g.wake()
	}
	return offsets, nil
}

// expect adds to what is to be done in all.
func (g *groupReading) expect(offsets int64) {
	if g.untilEnd {
		g.shown.total.Add(offsets)
	}
}

func (g *groupReading) revoke(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range gone[g.topic] {
		if sp, ok := g.spans[p]; ok {
			g.expect(sp.from - sp.to)
		}
		delete(g.spans, p)
		delete(g.held, p)
		delete(g.commits, p)
		delete(g.refused, p)
	}
}

// done requires mu. A member that holds nothing, be it before the first
// assignment or between two, has nothing that could be at its end.
func (g *groupReading) done() bool {
	return g.reading.done() && (!g.untilEnd || len(g.held) > 0 || g.max > 0 && g.printed >= g.max)
}

func (g *groupReading) follow(ctx context.Context, client *kgo.Client) error {
	for {
		fetches, quiet := g.poll(ctx, client)
		if err := g.judge(fetches); err != nil {
			return err
		}
		if quiet {
			g.look(ctx, client)
		}
		commits, done, err := g.printPoll(fetches)
		if err != nil {
			return err
		}
		if err := g.commit(ctx, client, commits); err != nil || done {
			return err
		}
		if ctx.Err() != nil && (g.untilEnd || g.max > 0) {
			return fmt.Errorf("interrupted after %d records: %w", g.printed, ctx.Err())
		}
		if ctx.Err() != nil {
			return nil // to interrupt is how following ends
		}
		client.AllowRebalance()
	}
}

// poll returns nothing if there is something else to do.
func (g *groupReading) poll(ctx context.Context, client *kgo.Client) (fetches kgo.Fetches, quiet bool) {
	ctx, wake := context.WithCancel(ctx)
	defer wake()
	g.mu.Lock()
	g.wake = wake
	over := g.done() || g.failed != nil || len(g.commits) > 0
	g.mu.Unlock()
	if over {
		return nil, false
	}
	return g.reading.poll(ctx, client)
}

// judge tells errors that end the command from those that the client gets over
// by itself.
func (g *groupReading) judge(fetches kgo.Fetches) error {
	var fatal error
	fetches.EachError(func(t string, p int32, err error) {
		var session *kgo.ErrGroupSession
		var known *kerr.Error
		switch {
		case errors.Is(err, context.Canceled): // woken for a state that has passed
		case !errors.As(err, &session):
			fatal = errors.Join(fatal, fmt.Errorf("fetch %s-%d: %w", t, p, brokerError(err, "")))
		case errors.As(err, &known) && !known.Retriable && !isStale(err):
			fatal = errors.Join(fatal, fmt.Errorf("join the group: %w", brokerError(session.Err, "")))
		default:
			g.tell("left the group and join again", session.Err)
		}
	})
	return fatal
}

// isStale tells errors of a member that the group went on without.
func isStale(err error) bool {
	return errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.UnknownMemberID) ||
		errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.StaleMemberEpoch)
}

func (g *groupReading) tell(what string, err error) {
	fmt.Fprintf(g.warn, "moldau: %s: %v\n", what, brokerError(err, ""))
}

// printPoll prints the records of one poll, and returns what to commit then.
func (g *groupReading) printPoll(fetches kgo.Fetches) (commits map[int32]kgo.EpochOffset, done bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return nil, false, g.failed
	}
	if err := g.take(fetches); err != nil {
		return nil, false, err // the output may have lost any of them
	}
	commits, g.commits = g.commits, map[int32]kgo.EpochOffset{}
	for p, c := range g.refused {
		if _, newer := commits[p]; !newer {
			commits[p] = c
		}
	}
	clear(g.refused)
	return commits, g.done(), nil
}

// keep has offsets that were refused go out with the next ones, and at the end:
// of a partition that stays assigned nobody else will commit them.
func (g *groupReading) keep(commits map[int32]kgo.EpochOffset) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for p, c := range commits {
		if g.held[p] {
			g.refused[p] = c
		}
	}
}

// commit also commits when the command is interrupted. A group that went on
// without this member prints again what it printed.
func (g *groupReading) commit(ctx context.Context, client *kgo.Client, commits map[int32]kgo.EpochOffset) error {
	if len(commits) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWordTimeout)
	defer cancel()
	var failed error
	client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{g.topic: commits},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			failed = err
			if err != nil {
				return
			}
			for _, t := range answer.Topics {
				for _, p := range t.Partitions {
					failed = errors.Join(failed, kerr.ErrorForCode(p.ErrorCode))
				}
			}
		})
	if isStale(failed) {
		g.keep(commits)
		g.tell("offsets are not committed, and what was printed may come again", failed)
		return nil
	}
	if failed != nil {
		return fmt.Errorf("commit: %w", brokerError(failed, ""))
	}
	return nil
}

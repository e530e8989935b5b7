package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const consumerGroups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"

func groupChecks() []check {
	return []check{
		{"ConsumerGroupCommand --list and --describe, a group of two", describeGroups},
		{"ConsumerGroupCommand --describe, a group without members", describeEmptyGroup},
		{"ConsumerGroupCommand --reset-offsets", resetOffsets},
		{"ConsumerGroupCommand --reset-offsets, with members", resetOffsetsOfMembers},
		{"ConsumerGroupCommand --delete-offsets", deleteOffsets},
		{"ConsumerGroupCommand --delete", deleteGroup},
	}
}

// group is one of a check: a topic of two partitions with ten records in each,
// a second apart, and members that own them all.
type group struct {
	topic, name string
	first       time.Time // of the first record
	members     []*kgo.Client
}

// join makes a group; each member leaves when its client is closed.
func (b *bench) join(ctx context.Context, members int) (*group, error) {
	topic, err := b.create(ctx, 2)
	if err != nil {
		return nil, err
	}
	g := &group{topic: topic, name: topic + "-group", first: recently()}
	for p := range int32(2) {
		for i := range 10 {
			at := g.first.Add(time.Duration(i) * time.Second)
			if err := b.write(ctx, topic, p, at, fmt.Sprint(i)); err != nil {
				return nil, err
			}
		}
	}
	assigned := make(chan int, 100)
	for i := range members {
		cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumerGroup(g.name), kgo.ConsumeTopics(topic),
			kgo.Balancers(kgo.RangeBalancer()), kgo.DisableAutoCommit(), kgo.ClientID(fmt.Sprintf("member-%d", i)),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(300*time.Millisecond),
			kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, to map[string][]int32) { assigned <- len(to[topic]) }))
		if err != nil {
			return nil, err
		}
		g.members = append(g.members, cl)
	}
	// As many as there are members get the same share in one and the same round.
	for share := 0; share < members; {
		select {
		case n := <-assigned:
			if share++; n != 2/members {
				share = 0
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g, nil
}

// commit commits the same offset for both partitions.
func (b *bench) commit(ctx context.Context, g *group, offset int64) error {
	offsets := kadm.Offsets{}
	for p := range int32(2) {
		offsets.AddOffset(g.topic, p, offset, -1)
	}
	return b.adm.CommitAllOffsets(ctx, g.name, offsets)
}

// commitAsMember commits an offset for partition 0 alone.
func (g *group) commitAsMember(ctx context.Context, offset int64) (err error) {
	offsets := map[string]map[int32]kgo.EpochOffset{g.topic: {0: {Epoch: -1, Offset: offset}}}
	g.members[0].CommitOffsetsSync(ctx, offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, r *kmsg.OffsetCommitResponse, failed error) {
			if err = failed; err == nil {
				err = kerr.ErrorForCode(r.Topics[0].Partitions[0].ErrorCode)
			}
		})
	return err
}

// leave closes all members.
func (g *group) leave() {
	for _, cl := range g.members {
		cl.Close()
	}
	g.members = nil
}

// emptied is a group without members that committed an offset for both partitions.
func (b *bench) emptied(ctx context.Context, offset int64) (*group, error) {
	g, err := b.join(ctx, 1)
	if err != nil {
		return nil, err
	}
	g.leave()
	return g, b.commit(ctx, g, offset)
}

// committed are the group's offsets by partition.
func (b *bench) committed(ctx context.Context, g *group) (map[int32]int64, error) {
	r, err := b.adm.FetchOffsets(ctx, g.name)
	if err == nil {
		err = r.Error()
	}
	at := map[int32]int64{}
	r.Each(func(o kadm.OffsetResponse) { at[o.Partition] = o.At })
	return at, err
}

func (b *bench) mustHaveCommitted(ctx context.Context, g *group, what string, want map[int32]int64) error {
	got, err := b.committed(ctx, g)
	if err == nil && !maps.Equal(got, want) {
		err = fmt.Errorf("%s committed is %v, must be %v", what, got, want)
	}
	return err
}

// rows are the lines of a table that belong to the group, in fields.
func rows(out, group string) [][]string {
	var all [][]string
	for _, line := range lines(out) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == group {
			all = append(all, fields)
		}
	}
	slices.SortFunc(all, slices.Compare[[]string])
	return all
}

func describeGroups(ctx context.Context, b *bench) error {
	g, err := b.join(ctx, 2)
	if err != nil {
		return err
	}
	defer g.leave()
	if err := g.commitAsMember(ctx, 4); err != nil {
		return err
	}
	out, err := b.tool(ctx, consumerGroups, "--list").ok()
	if err != nil {
		return err
	}
	if !slices.Contains(lines(out), g.name) {
		return fmt.Errorf("the list lacks %s:\n%s", g.name, out)
	}
	out, err = b.tool(ctx, consumerGroups, "--describe", "--group", g.name).ok()
	if err != nil {
		return err
	}
	// GROUP TOPIC PARTITION [LEADER-EPOCH] CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
	for p, row := range rows(out, g.name) {
		got := strings.Join(row[1:len(row)-3], " ")
		want := fmt.Sprintf("%s %d %s", g.topic, p, []string{"4 10 6", "- 10 -"}[p])
		if err := errors.Join(equal("offsets", got, want), wants(row[len(row)-1], "member-")); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err := equal("rows of offsets", len(rows(out, g.name)), 2); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	out, err = b.tool(ctx, consumerGroups, "--describe", "--group", g.name, "--members", "--verbose").ok()
	if err := errors.Join(err, equal("members", len(rows(out, g.name)), 2), wants(out, g.topic)); err != nil {
		return err
	}
	out, err = b.tool(ctx, consumerGroups, "--describe", "--group", g.name, "--state").ok()
	return errors.Join(err, wants(out, "range", "Stable"))
}

func describeEmptyGroup(ctx context.Context, b *bench) error {
	g, err := b.emptied(ctx, 7)
	if err != nil {
		return err
	}
	out := b.tool(ctx, consumerGroups, "--describe", "--group", g.name)
	if _, err := out.ok(); err != nil {
		return err
	}
	if err := errors.Join(wants(out.out+out.err, "has no active members"),
		equal("rows of offsets", len(rows(out.out, g.name)), 2)); err != nil {
		return err
	}
	state, err := b.tool(ctx, consumerGroups, "--describe", "--group", g.name, "--state").ok()
	if err := errors.Join(err, wants(state, "Empty")); err != nil {
		return err
	}
	unknown := b.tool(ctx, consumerGroups, "--describe", "--group", b.name())
	return wants(unknown.out+unknown.err, "GroupIdNotFoundException")
}

func resetOffsets(ctx context.Context, b *bench) error {
	g, err := b.emptied(ctx, 7)
	if err != nil {
		return err
	}
	const layout = "2006-01-02T15:04:05.000"
	for _, c := range []struct {
		how  []string
		want int64
	}{
		{[]string{"--to-offset", "3"}, 3},
		{[]string{"--to-earliest"}, 0},
		{[]string{"--to-latest"}, 10},
		{[]string{"--shift-by", "-4"}, 6},
		{[]string{"--shift-by", "100"}, 10}, // not past the end
		{[]string{"--to-datetime", g.first.Add(4500 * time.Millisecond).UTC().Format(layout)}, 5},
		{[]string{"--to-current"}, 5},
	} {
		before, err := b.committed(ctx, g)
		if err != nil {
			return err
		}
		args := append([]string{"--reset-offsets", "--group", g.name, "--topic", g.topic}, c.how...)
		for _, mode := range []string{"--dry-run", "--execute"} {
			out, err := b.tool(ctx, consumerGroups, append(args, mode)...).ok()
			if err != nil {
				return err
			}
			found := rows(out, g.name)
			for _, row := range found {
				if err := equal(fmt.Sprint(c.how, mode, " new offset"), row[3], fmt.Sprint(c.want)); err != nil {
					return fmt.Errorf("%w\n%s", err, out)
				}
			}
			want := before
			if mode == "--execute" {
				want = map[int32]int64{0: c.want, 1: c.want}
			}
			if err := errors.Join(equal("rows", len(found), 2),
				b.mustHaveCommitted(ctx, g, fmt.Sprint(c.how, mode), want)); err != nil {
				return err
			}
		}
	}
	return nil
}

func resetOffsetsOfMembers(ctx context.Context, b *bench) error {
	g, err := b.join(ctx, 1)
	if err != nil {
		return err
	}
	defer g.leave()
	out := b.tool(ctx, consumerGroups, "--reset-offsets", "--group", g.name, "--topic", g.topic, "--to-earliest", "--execute")
	return errors.Join(wants(out.out+out.err, "inactive", "Stable"),
		b.mustHaveCommitted(ctx, g, "with members", map[int32]int64{}))
}

func deleteOffsets(ctx context.Context, b *bench) error {
	g, err := b.join(ctx, 1)
	if err != nil {
		return err
	}
	defer g.leave()
	args := []string{"--delete-offsets", "--group", g.name, "--topic", g.topic + ":0"}
	out := b.tool(ctx, consumerGroups, args...)
	if err := wants(out.out+out.err, "subscribed to"); err != nil {
		return err
	}
	g.leave()
	if err := b.commit(ctx, g, 7); err != nil {
		return err
	}
	_, err = b.tool(ctx, consumerGroups, args...).ok()
	return errors.Join(err, b.mustHaveCommitted(ctx, g, "after deletion", map[int32]int64{1: 7}))
}

func deleteGroup(ctx context.Context, b *bench) error {
	g, err := b.join(ctx, 1)
	if err != nil {
		return err
	}
	defer g.leave()
	out := b.tool(ctx, consumerGroups, "--delete", "--group", g.name)
	if err := wants(out.out+out.err, "not empty"); err != nil {
		return err
	}
	g.leave()
	if err := b.commit(ctx, g, 7); err != nil {
		return err
	}
	if _, err := b.tool(ctx, consumerGroups, "--delete", "--group", g.name).ok(); err != nil {
		return err
	}
	listed, err := b.tool(ctx, consumerGroups, "--list").ok()
	if err != nil {
		return err
	}
	if slices.Contains(lines(listed), g.name) {
		return fmt.Errorf("%s is listed, though deleted", g.name)
	}
	return b.mustHaveCommitted(ctx, g, "after deletion", map[int32]int64{})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// kcatGroup lets two members of kcat share a topic, then one go and the other
// take over, and looks at who read what and what was committed.
func kcatGroup(ctx context.Context, b *bench) error {
	const partitions, records = 4, 200
	topic, err := b.create(ctx, partitions)
	if err != nil {
		return err
	}
	group := topic + "-group"
	first, err := startKcatMember(ctx, b, group, topic)
	if err != nil {
		return err
	}
	defer first.stop()
	second, err := startKcatMember(ctx, b, group, topic)
	if err != nil {
		return err
	}
	defer second.stop()
	if err := groupSettles(ctx, b, group, 2, partitions); err != nil {
		return err
	}
	var all []string
	produce := func(round string) error {
		for p := range int32(partitions) {
			values := numbered(fmt.Sprintf("%s-%d", round, p), records/partitions)
			if err := b.write(ctx, topic, p, time.Now(), values...); err != nil {
				return err
			}
			all = append(all, values...)
		}
		return haveRead(ctx, all, first, second)
	}
	if err := produce("both"); err != nil {
		return err
	}
	if one, two := len(first.read()), len(second.read()); one == 0 || two == 0 {
		return fmt.Errorf("the members read %d and %d records", one, two)
	}
	// kcat commits and leaves when it is asked to end.
	if err := first.stop(); err != nil {
		return err
	}
	if err := groupSettles(ctx, b, group, 1, partitions); err != nil {
		return err
	}
	if err := produce("one"); err != nil {
		return err
	}
	if err := second.stop(); err != nil {
		return err
	}
	return committedToTheEnd(ctx, b, group, topic)
}

// kcatMember is a running "kcat -G".
type kcatMember struct {
	cmd     *exec.Cmd
	stopped bool
	ended   chan error
	said    strings.Builder // standard error; for whoever received from ended

	mu  sync.Mutex
	out strings.Builder // under mu
}

func startKcatMember(ctx context.Context, b *bench, group, topic string) (*kcatMember, error) {
	m := &kcatMember{ended: make(chan error, 1)}
	m.cmd = exec.CommandContext(ctx, "kcat", "-b", b.addr, "-u", "-q", "-X", "auto.offset.reset=earliest",
		"-X", "session.timeout.ms=10000", "-X", "heartbeat.interval.ms=200", "-G", group, topic)
	m.cmd.Stdout, m.cmd.Stderr = m, &m.said
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { m.ended <- m.cmd.Wait() }()
	return m, nil
}

// Write takes standard output.
func (m *kcatMember) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Write(p)
}

// read is every whole line so far.
func (m *kcatMember) read() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	whole := m.out.String()
	return lines(whole[:strings.LastIndexByte(whole, '\n')+1])
}

// stop asks kcat to end, which commits and leaves the group; a second call has
// no effect.
func (m *kcatMember) stop() error {
	if m.stopped {
		return nil
	}
	m.stopped = true
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := <-m.ended; err != nil {
		return fmt.Errorf("kcat ended with %w: %s", err, m.said.String())
	}
	return nil
}

// eventually tries until there is no error, or the time of the check is over.
func eventually(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// groupSettles waits until so many members own all partitions of the topic
// between them, each of them some.
func groupSettles(ctx context.Context, b *bench, group string, members, partitions int) error {
	return eventually(ctx, func() error {
		groups, err := b.adm.DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		g := groups[group]
		total, idle := 0, false
		for _, m := range g.Members {
			owned := 0
			if assigned, ok := m.Assigned.AsConsumer(); ok {
				for _, t := range assigned.Topics {
					owned += len(t.Partitions)
				}
			}
			total += owned
			idle = idle || owned == 0
		}
		if g.State != "Stable" || len(g.Members) != members || total != partitions || idle {
			return fmt.Errorf("the group is %s, %d members own %d partitions; must be Stable, %d and %d",
				g.State, len(g.Members), total, members, partitions)
		}
		return nil
	})
}

// haveRead waits until the members have read all values between them, and each
// of them once.
func haveRead(ctx context.Context, all []string, members ...*kcatMember) error {
	want := slices.Sorted(slices.Values(all))
	return eventually(ctx, func() error {
		var got []string
		for _, m := range members {
			got = append(got, m.read()...)
		}
		slices.Sort(got)
		return sameLines("read by the group", got, want)
	})
}

// committedToTheEnd compares a group's committed offsets with the topic's ends.
func committedToTheEnd(ctx context.Context, b *bench, group, topic string) error {
	committed, err1 := b.adm.FetchOffsets(ctx, group)
	ends, err2 := b.adm.ListEndOffsets(ctx, topic)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var err error
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(topic, end.Partition)
		err = errors.Join(err, equal(fmt.Sprintf("committed offset of partition %d", end.Partition), at.At, end.Offset))
	})
	return err
}

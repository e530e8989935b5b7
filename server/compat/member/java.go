package member

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"moldau/server/compat/groups"
	"moldau/server/compat/java"
)

// Java is a member on Apache's client: Kafka's VerifiableConsumer, in a process
// of its own, which commits what it was given after every poll and tells of
// everything, with the time. It takes one topic, and its commits have no
// metadata.
type Java struct {
	o      Options
	tenant *groups.Tenant
	cmd    *exec.Cmd
	done   sync.WaitGroup
	err    error // after done

	mu     sync.Mutex
	ending bool

	// All below is the listener's.

	fresh map[groups.Slot]time.Time // as with Franz
	notes map[groups.Slot]*groups.Commit
	sent  time.Time // of the commit that notes are of
	other bytes.Buffer
}

// event is a line that VerifiableConsumer prints.
type event struct {
	Timestamp  int64
	Name       string
	Success    bool
	Partitions []eventPartition
	Offsets    []eventPartition
}

type eventPartition struct {
	Topic                        string
	Partition                    int32
	Offset, MinOffset, MaxOffset int64
}

// assignors are Java's names of the balancers.
var assignors = map[string]string{
	"range": "RangeAssignor", "roundrobin": "RoundRobinAssignor", "cooperative-sticky": "CooperativeStickyAssignor",
}

// StartJava starts a Java member.
func StartJava(ctx context.Context, kafka *java.Kafka, o Options) (*Java, error) {
	args := []string{"--bootstrap-server", o.Addr, "--group-id", o.Group, "--session-timeout", fmt.Sprint(o.Session.Milliseconds()),
		"--assignment-strategy", "org.apache.kafka.clients.consumer." + assignors[o.Balancer.ProtocolName()],
		"--command-config", "/dev/stdin"}
	for topic := range o.Topics {
		args = append(args, "--topic", topic)
	}
	if o.Instance != "" {
		args = append(args, "--group-instance-id", o.Instance)
	}
	m := &Java{o: o, fresh: map[groups.Slot]time.Time{}, notes: map[groups.Slot]*groups.Commit{},
		cmd: kafka.Command(ctx, "org.apache.kafka.tools.VerifiableConsumer", args...)}
	m.cmd.Stdin = strings.NewReader(fmt.Sprintf("max.poll.interval.ms=%d\nheartbeat.interval.ms=%d\nretry.backoff.max.ms=100\nreconnect.backoff.max.ms=100\n",
		o.Rebalance.Milliseconds(), o.Heartbeat.Milliseconds()))
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is the driver's to handle
	m.cmd.Stderr = &m.other
	stdout, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	m.tenant = o.History.Joins(o.Group, o.Name, o.Instance, o.Session)
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	m.done.Go(func() { m.listen(stdout) })
	return m, nil
}

// End implements Member.
func (m *Java) End(how End) error {
	m.mu.Lock()
	m.ending = true
	m.mu.Unlock()
	signal := syscall.SIGTERM
	if how == Kill {
		signal = syscall.SIGKILL
	}
	_ = m.cmd.Process.Signal(signal)
	stuck := time.AfterFunc(time.Minute, func() { _ = m.cmd.Process.Kill() })
	m.done.Wait()
	if stuck.Stop() && how == Leave {
		m.tenant.Lost()
	}
	return m.err
}

func (m *Java) listen(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Name != "" {
			m.hear(&e)
		}
	}
	err := m.cmd.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ending {
		said := m.other.String()
		m.err = fmt.Errorf("member %s of %s ended by itself: %w\n%s", m.o.Name, m.o.Group, err, said[max(0, len(said)-2000):])
	}
}

func (m *Java) hear(e *event) {
	at := time.UnixMilli(e.Timestamp)
	switch e.Name {
	case "partitions_assigned":
		slots := m.slots(e.Partitions)
		m.tenant.Assigned(-1, time.Time{}, slots)
		for _, slot := range slots {
			m.fresh[slot] = at
		}
	case "partitions_revoked":
		slots := m.slots(e.Partitions)
		m.tenant.RevokedAt(at, slots)
		for _, slot := range slots {
			delete(m.fresh, slot)
		}
	case "records_consumed":
		m.consumed(at, e.Partitions)
	case "offsets_committed":
		if !e.Success {
			break // why is told in words only
		}
		m.tenant.Alive(m.sent)
		for _, p := range e.Offsets {
			if note := m.notes[m.slot(p)]; note != nil {
				note.Answered(0)
			}
		}
	}
}

// consumed is told right before the commit is sent.
func (m *Java) consumed(at time.Time, partitions []eventPartition) {
	m.sent = at
	clear(m.notes)
	for _, p := range partitions {
		slot := m.slot(p)
		if since, first := m.fresh[slot]; first {
			delete(m.fresh, slot)
			m.o.History.ReadOffset(m.o.Name, slot, since, p.MinOffset)
		}
		m.o.History.Consumed(slot, p.MinOffset, p.MaxOffset+1)
		m.notes[slot] = m.o.History.CommitAt(at, m.o.Name, slot, -1, p.MaxOffset+1, "")
	}
}

func (m *Java) slot(p eventPartition) groups.Slot {
	return groups.Slot{Group: m.o.Group, Topic: p.Topic, Partition: p.Partition}
}

func (m *Java) slots(partitions []eventPartition) (slots []groups.Slot) {
	for _, p := range partitions {
		slots = append(slots, m.slot(p))
	}
	return slots
}

package member

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/groups"
)

// Options are of a member of either kind.
type Options struct {
	Addr  string
	Group string
	// Name is unique among all tenants of the history.
	Name string
	// Instance makes a static member.
	Instance string
	Balancer kgo.GroupBalancer
	// Topics and their counts of partitions.
	Topics map[string]int32

	Session, Rebalance, Heartbeat time.Duration
	// Work is how long a member pauses between two rounds of consuming and
	// committing; 0 is a member that only owns.
	Work time.Duration

	History *groups.History
	// Told is called when the member has its assignment in a generation. It must
	// not block.
	Told func(name, id string, generation int32)
}

// End is how a member ends.
type End int

const (
	// Leave gives everything up and then leaves; a static member only ends.
	Leave End = iota
	// Kill ends it in the middle of whatever it does, without a word. Only a light
	// member can be killed: franz-go's leaves.
	Kill
)

// Member is either kind.
type Member interface {
	// End ends the member and waits until it has ended. It returns what the
	// broker did against the protocol.
	End(how End) error
}

// Light is a member that speaks the protocol by hand.
type Light struct {
	o      Options
	tenant *groups.Tenant

	// leaving ends what may take long, killed ends everything.
	leaving, killed   context.Context
	leaveNow, killNow context.CancelFunc
	sleep             chan time.Duration
	done              sync.WaitGroup
	err               error // after done

	// All below is the loop's.

	conn       *Conn
	id         string
	known      bool // whether a generation with this id was told
	generation int32
	// latest is the last generation that it was in, over the one before that.
	latest, over int32
	// owned are the partitions and the next offset of each, -1 until it is
	// known where to begin.
	owned   map[groups.Slot]*position
	commits int
	joined  bool
	heard   time.Time // when the last heartbeat was sent that was answered
}

// position is where a member is in a partition.
type position struct {
	next      int64 // -1 before it is known
	committed int64
}

// Start starts a light member.
func Start(ctx context.Context, o Options) *Light {
	m := &Light{o: o, generation: -1, owned: map[groups.Slot]*position{}, sleep: make(chan time.Duration, 1)}
	m.killed, m.killNow = context.WithCancel(ctx)
	m.leaving, m.leaveNow = context.WithCancel(m.killed)
	m.tenant = o.History.Joins(o.Group, o.Name, o.Instance, o.Session)
	m.done.Go(func() { m.err = m.run() })
	return m
}

// End implements Member.
func (m *Light) End(how End) error {
	if how == Kill {
		m.killNow()
	}
	m.leaveNow()
	m.done.Wait()
	m.killNow()
	return m.err
}

// Sleep lets the member stop for a while, as a long pause of a garbage collector
// does, and then go on as if nothing had happened. It does not wait for that.
func (m *Light) Sleep(d time.Duration) {
	select {
	case m.sleep <- d:
	default: // it sleeps already
	}
}

// errFenced ends a static member whose id another one uses now.
var errFenced = errors.New("fenced by its instance id")

// run joins again and again until the member ends.
func (m *Light) run() error {
	defer func() { m.conn.Close() }()
	for m.leaving.Err() == nil {
		err := m.live()
		switch {
		case m.leaving.Err() != nil:
		case errors.Is(err, errFenced):
			m.tenant.Lost()
			return nil
		case Gone(err):
			// The broker or the connection is gone. The member goes on with its id:
			// the broker may still know it.
			m.conn.Close()
			m.conn = nil
			m.pause(100 * time.Millisecond)
		case err != nil:
			return fmt.Errorf("member %s of %s: %w", m.o.Name, m.o.Group, err)
		}
	}
	if m.killed.Err() != nil {
		return nil
	}
	m.tenant.Lost()
	return m.leave()
}

// Gone tells whether it is the connection that failed.
func Gone(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || ended(err)
}

// live is one connection's life: generation after generation.
func (m *Light) live() (err error) {
	if m.conn == nil {
		if m.conn, err = m.dial(); err != nil {
			return err
		}
	}
	for m.leaving.Err() == nil {
		// Who is in a generation goes on in it when the broker is back.
		if !m.joined {
			if err := m.round(); err != nil {
				return err
			}
		}
		if err := m.work(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Light) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-m.leaving.Done():
	}
}

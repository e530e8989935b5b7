package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"moldau/logstore"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Options opens a [Controller].
type Options struct {
	// Store holds the metadata log. The controller does not close it. It may be
	// nil with a Journal.
	Store *logstore.Store
	// Journal is nil for a log in Store.
	Journal Journal
	// NodeID is this broker; Listeners and Rack are registered with it.
	NodeID    int32
	Listeners []metadata.Listener
	Rack      string
	// ClusterID names a cluster that has no records yet, "" draws one. A cluster
	// that has another id is refused.
	ClusterID string
	// Static is the broker's configuration from its file or command line, by
	// Kafka's names. Names without a meaning here are ignored.
	Static map[string]string
	// PartitionsMax bounds the partitions of all topics together; 0 is no bound.
	// What is above it already, stays.
	PartitionsMax int
	// Clock is nil for real time.
	Clock Clock
	// Rand fills b for new ids and is nil for crypto/rand.
	Rand func(b []byte)
	// Logger is nil for slog.Default.
	Logger *slog.Logger
}

// Controller runs commands. Its methods are safe for concurrent use.
type Controller struct {
	o       Options
	journal Journal
	image   atomic.Pointer[metadata.Image]

	work    chan func() // run by the writer, one after the other
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once

	// Owned by the writer.
	subscribers []func(prev, next *metadata.Image) error

	failed atomic.Pointer[error] // set by the writer, once
}

// Open replays the metadata log and registers the broker's start: every
// partition that it leads gets a new leader epoch.
func Open(o Options) (*Controller, error) {
	o = o.withDefaults()
	if err := configs.ValidateStatic(o.Static); err != nil {
		return nil, fmt.Errorf("controller: broker configuration: %w", err)
	}
	journal := o.Journal
	if journal == nil {
		var err error
		if journal, err = openLogJournal(o.Store, o.Clock); err != nil {
			return nil, err
		}
	}
	c := &Controller{
		o: o, journal: journal,
		work:    make(chan func()),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	img := metadata.NewImage().WithController(o.NodeID)
	err := journal.Replay(func(base int64, records []metadata.Record) (err error) {
		img, err = img.Apply(base, records)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.image.Store(img)
	if err := c.register(); err != nil {
		return nil, err
	}
	go c.run()
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Rand == nil {
		o.Rand = cryptoRand
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	static := maps.Clone(o.Static)
	if static == nil {
		static = map[string]string{}
	}
	// One id under both of Kafka's names, whichever the file had.
	static["node.id"] = strconv.FormatInt(int64(o.NodeID), 10)
	static["broker.id"] = static["node.id"]
	o.Static = static
	return o
}

// register makes this start of the broker known, before anything is served.
func (c *Controller) register() error {
	img := c.image.Load()
	var records []metadata.Record
	switch id := img.ClusterID(); {
	case id == "" && c.o.ClusterID == "":
		records = append(records, &metadata.ClusterRecord{ClusterID: metadata.TopicID(c.newID()).String()})
	case id == "":
		records = append(records, &metadata.ClusterRecord{ClusterID: c.o.ClusterID})
	case c.o.ClusterID != "" && c.o.ClusterID != id:
		return fmt.Errorf("controller: the metadata is of cluster %q, this broker is of cluster %q", id, c.o.ClusterID)
	}
	records = append(records, &metadata.BrokerRecord{
		ID: c.o.NodeID, Incarnation: c.newID(), Listeners: c.o.Listeners, Rack: c.o.Rack,
	})
	if err := c.commit(records); err != nil {
		return fmt.Errorf("controller: register broker %d: %w", c.o.NodeID, err)
	}
	return nil
}

// Image is the cluster as of the last applied command. It is lock-free.
func (c *Controller) Image() *metadata.Image { return c.image.Load() }

// Err is why no command is taken any more until the broker starts again, nil if
// all is well.
func (c *Controller) Err() error {
	if p := c.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Layers are the configs of this broker in the image.
func (c *Controller) Layers(img *metadata.Image) configs.Layers {
	return configs.Layers{
		Broker:  img.BrokerConfig(c.o.NodeID),
		Default: img.BrokerConfig(metadata.DefaultBroker),
		Static:  c.o.Static,
	}
}

// LogConfig is the engine's configuration of a topic's logs on this broker.
func (c *Controller) LogConfig(img *metadata.Image, t *metadata.Topic) (logstore.Config, error) {
	return c.Layers(img).Log(t.Configs)
}

// Subscribe calls f with every image in apply order: at once with the present
// one (prev is an image without records), then after each command and before
// its answer. While f runs, [Controller.Image] is still prev, so nobody sees a
// topic before f made it usable. An error of f is logged and undoes nothing:
// the cluster has decided. An error of the first call ends the subscription.
func (c *Controller) Subscribe(f func(prev, next *metadata.Image) error) error {
	var err error
	if !c.do(context.Background(), func() {
		if err = f(metadata.NewImage(), c.image.Load()); err == nil {
			c.subscribers = append(c.subscribers, f)
		}
	}) {
		return ErrUnavailable
	}
	return err
}

// Close waits for the running command and refuses all further ones.
func (c *Controller) Close() error {
	c.once.Do(func() { close(c.closing) })
	<-c.closed
	return nil
}

func (c *Controller) run() {
	defer close(c.closed)
	for {
		select {
		case f := <-c.work:
			f()
		case <-c.closing:
			return
		}
	}
}

// do runs f on the writer's goroutine and waits for it. It reports false where
// f did not run; where ctx ended first f may be running, and what f writes must
// not be read.
func (c *Controller) do(ctx context.Context, f func()) bool {
	if ctx.Err() != nil {
		return false // which select below would leave to chance
	}
	done := make(chan struct{})
	select {
	case c.work <- func() { defer close(done); f() }:
	case <-c.closed:
		return false
	case <-ctx.Done():
		return false
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// execute is the way of every command: decide is called with the newest image
// and returns the records that bring about what it decided, which are made
// durable and applied, or with validateOnly applied to a copy. It returns the
// image with them. What decide wrote is read only if the error is nil: after
// ErrTimeout it may be at it still.
func (c *Controller) execute(ctx context.Context, validateOnly bool, decide func(*metadata.Image) []metadata.Record) (*metadata.Image, error) {
	var (
		err error
		img *metadata.Image
	)
	if !c.do(ctx, func() {
		img = c.image.Load()
		records := decide(img)
		switch {
		case len(records) == 0:
		case validateOnly:
			img, err = img.Apply(img.Offset()+1, records)
		default:
			err = c.commit(records)
			img = c.image.Load()
		}
	}) {
		if ctx.Err() != nil {
			return nil, Refuse(ErrTimeout, "The request timed out.")
		}
		return nil, ErrUnavailable
	}
	return img, err
}

// commit makes records durable, applies them and tells everyone.
func (c *Controller) commit(records []metadata.Record) error {
	if err := c.Err(); err != nil {
		return err
	}
	img := c.image.Load()
	// A record that cannot be read back or applied would keep the broker from
	// ever starting again, so that is found out before it is durable.
	if err := rehearse(img, records); err != nil {
		return fmt.Errorf("controller: a command contradicts itself: %w", err)
	}
	base, err := c.journal.Propose(records)
	if errors.Is(err, ErrPolicy) {
		return err
	}
	if err != nil {
		c.o.Logger.Error("metadata log takes no command", "err", err)
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	next, err := img.Apply(base, records)
	if err != nil {
		// The log is ahead of the image now, and stays so until the next start.
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		c.failed.Store(&err)
		c.o.Logger.Error("metadata record does not apply, no command is taken until the broker starts again", "err", err)
		return err
	}
	for _, f := range c.subscribers {
		if err := f(img, next); err != nil {
			c.o.Logger.Error("change of metadata had an incomplete effect on this broker", "offset", next.Offset(), "err", err)
		}
	}
	c.image.Store(next)
	return nil
}

// rehearse reads back and applies records as a replay will.
func rehearse(img *metadata.Image, records []metadata.Record) error {
	again := make([]metadata.Record, len(records))
	var buf []byte
	for n, r := range records {
		var err error
		buf = metadata.AppendRecord(buf[:0], r)
		if again[n], err = metadata.DecodeRecord(buf); err != nil {
			return err
		}
	}
	_, err := img.Apply(img.Offset()+1, again)
	return err
}

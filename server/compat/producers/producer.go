package producers

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"moldau/server/compat/history"
)

// Load is what every producer is asked to do.
type Load struct {
	Bootstrap, Topic string
	Partitions       int
	RatePerSecond    int
}

// Producer is a running producer.
type Producer struct {
	Name string
	// acked counts acknowledgements as they come, for the driver to see progress.
	acked atomic.Int64
	// stopSending asks it to stop; done is closed when all was told.
	stopSending func()
	done        chan struct{}
	err         error // once done is closed
}

// Acked is how many records were acknowledged so far.
func (p *Producer) Acked() int64 { return p.acked.Load() }

// Stop waits until every record that was sent has its answer.
func (p *Producer) Stop(ctx context.Context) error {
	p.stopSending()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Done is closed when the producer ended, asked or not.
func (p *Producer) Done() <-chan struct{} { return p.done }

// Ledger lets several producers write one history.
type Ledger struct {
	mu sync.Mutex
	h  *history.History
}

// NewLedger writes into h, which nobody else may use until the producers ended.
func NewLedger(h *history.History) *Ledger { return &Ledger{h: h} }

func (l *Ledger) acked(p *Producer, r history.Record, offset int64) {
	l.mu.Lock()
	l.h.Acked(r, offset)
	l.mu.Unlock()
	p.acked.Add(1)
}

func (l *Ledger) failed(r history.Record, reason string) {
	l.mu.Lock()
	l.h.Failed(r, reason)
	l.mu.Unlock()
}

func (l *Ledger) sent(producer string, partition int32, n int64) {
	l.mu.Lock()
	l.h.Sent(producer, partition, n)
	l.mu.Unlock()
}

// Seen notes what a consumer was given.
func (l *Ledger) Seen(partition int32, s history.Stored) {
	l.mu.Lock()
	l.h.Seen(partition, s)
	l.mu.Unlock()
}

// closeOnce makes a closer that may be called again.
func closeOnce(c io.Closer) func() {
	return sync.OnceFunc(func() { _ = c.Close() })
}

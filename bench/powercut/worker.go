package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"moldau/logstore"
)

// worker opens the store, tells what it finds, and puts it under load until it
// is killed.
type worker struct {
	start
	out   *teller
	store *logstore.Store
	spots []*spot // by partition
	// Logs in which faults were found; they go.
	spoilt map[*logstore.Log]bool
	// While producers resend no start moves: a batch below it is remembered no more.
	resending sync.WaitGroup
}

// spot is where a log is: another one each time it was deleted.
type spot struct {
	partition int32
	// Appends hold it for reading, until they are acknowledged; what takes
	// offsets or the log itself away holds it for writing.
	mu     sync.RWMutex
	log    *logstore.Log // nil before the first
	stage  int           // rises when producers must begin anew
	recent recent
}

// recent is the last batches acknowledged, for who wants to cut between them.
type recent struct {
	mu      sync.Mutex
	batches []logstore.Appended
}

func (r *recent) add(a logstore.Appended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches = append(r.batches, a); len(r.batches) > 30 {
		r.batches = r.batches[10:]
	}
}

// take returns all and forgets them.
func (r *recent) take() []logstore.Appended {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.batches
	r.batches = nil
	return b
}

// teller writes messages, each at once.
type teller struct {
	mu  sync.Mutex
	enc *gob.Encoder
}

func (t *teller) tell(m message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.enc.Encode(&m) != nil {
		os.Exit(0) // the parent is gone
	}
}

func (t *teller) trouble(format string, args ...any) {
	t.tell(message{Kind: msgTrouble, Text: fmt.Sprintf(format, args...)})
}

// work is the whole life of a worker.
func work(in io.Reader, out io.Writer) error {
	w := &worker{out: &teller{enc: gob.NewEncoder(out)}, spoilt: map[*logstore.Log]bool{}}
	orders := gob.NewDecoder(in)
	if err := orders.Decode(&w.start); err != nil {
		return err
	}
	if err := w.open(); err != nil {
		w.out.trouble("the store does not open: %v", err)
		return wait(orders)
	}
	w.out.tell(message{Kind: msgOpened, Found: w.find()})
	var p plan
	if err := orders.Decode(&p); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if !w.clear() {
		return wait(orders)
	}
	var group sync.WaitGroup
	w.load(ctx, &group, p.Streams)
	if err := orders.Decode(&p); err != nil {
		return err
	}
	stop()
	group.Wait()
	if err := w.store.Close(); err != nil {
		w.out.trouble("close: %v", err)
	} else {
		w.out.tell(message{Kind: msgClosed})
	}
	return wait(orders)
}

// wait lets the parent be the one that ends the worker.
func wait(orders *gob.Decoder) error {
	var p plan
	if err := orders.Decode(&p); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (w *worker) open() error {
	o := logstore.Options{
		Log:          configOf("plain"),
		ConfigFor:    func(tp logstore.TopicPartition) logstore.Config { return configOf(tp.Topic) },
		CheckpointMs: w.CheckpointMs,
		Events:       w.event,
	}
	dir, err := breakOptions(w.Break, w.Dir, &o)
	if err != nil {
		return err
	}
	if w.store, err = logstore.Open(dir, o); err != nil {
		return err
	}
	for p := range w.Partitions {
		w.spots = append(w.spots, &spot{partition: int32(p)})
	}
	for _, l := range w.store.Logs() {
		w.spots[l.Name().Partition].log = l
	}
	return nil
}

// clear deletes logs of which only a part was created, and, so that there can be
// a next cycle, those that are at fault.
func (w *worker) clear() bool {
	for _, s := range w.spots {
		if s.log != nil && (w.spoilt[s.log] || s.log.ID() == logstore.TopicID{}) && !w.delete(s) {
			return false
		}
	}
	return true
}

// event passes on what the engine did by itself.
func (w *worker) event(e logstore.Event) {
	m := message{Kind: msgEvent, Text: fmt.Sprintf("%T", e)}
	switch e := e.(type) {
	case logstore.LogRecovered:
		m.Cut = e.BytesCut
	case logstore.LogNotOpened, logstore.LogPoisoned, logstore.CheckpointIgnored, logstore.HousekeepingFailed:
		m = message{Kind: msgTrouble, Text: fmt.Sprintf("%T: %+v", e, e)}
	}
	w.out.tell(m)
}

// find reads all that there is.
func (w *worker) find() []foundLog {
	var found []foundLog
	for _, l := range w.store.Logs() {
		f, err := findLog(l)
		for f.Start != l.StartOffset() {
			f, err = findLog(l) // retention is at work already
		}
		if err != nil {
			w.out.trouble("reading what was found in %s: %v", l.Name(), err)
			w.spoilt[l], f.Spoilt = true, true
		}
		found = append(found, f)
	}
	return found
}

func findLog(l *logstore.Log) (foundLog, error) {
	f := foundLog{Log: l.Name(), ID: l.ID(), Start: l.StartOffset(), End: l.Offset(logstore.HighWatermark), Bytes: l.Bytes()}
	if err := l.Err(); err != nil {
		return f, err
	}
	if end := l.Offset(logstore.LogEnd); end != f.End {
		return f, fmt.Errorf("ends at %d, but the high watermark is %d", end, f.End)
	}
	next := f.Start
	for r, err := range l.Records(context.Background(), f.Start, logstore.HighWatermark) {
		if err != nil {
			return f, err
		}
		if r.Offset != next {
			return f, fmt.Errorf("offset %d comes where %d should", r.Offset, next)
		}
		next++
		f.Hashes = append(f.Hashes, hash(r.Key, r.Value))
		f.Epochs = append(f.Epochs, l.EpochOf(r.Offset))
	}
	if next != f.End {
		return f, fmt.Errorf("records end at %d, the log at %d", next, f.End)
	}
	return f, probe(l, f)
}

// probe reads from offsets in the middle, which takes indexes.
func probe(l *logstore.Log, f foundLog) error {
	for range min(3, len(f.Hashes)) {
		i := rand.IntN(len(f.Hashes))
		for r, err := range l.Records(context.Background(), f.Start+int64(i), logstore.HighWatermark) {
			if err != nil {
				return err
			}
			if r.Offset != f.Start+int64(i) || hash(r.Key, r.Value) != f.Hashes[i] {
				return fmt.Errorf("offset %d, read by itself, is another than in order", f.Start+int64(i))
			}
			break
		}
	}
	return nil
}

// pause sleeps a little, now and then.
func pause(ctx context.Context, r *rand.Rand, most time.Duration) bool {
	if r.IntN(2) == 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(r.Int64N(int64(most)))):
		return true
	}
}

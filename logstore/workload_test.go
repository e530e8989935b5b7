package logstore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// errWrong marks what no crash excuses.
var errWrong = errors.New("wrong")

// workload is a script run on a store that may stop at any operation. It keeps
// the history of each log as the script goes.
type workload struct {
	t       testing.TB
	mem     *vfs.Mem
	fault   *vfs.Fault
	clock   *clock
	events  *events
	config  logstore.Config // under mu
	rand    func(n int64) int64
	journal bool // everything goes through it
	each    bool // several appends are made at once
	files   int  // that may be open, 0 for the default
	store   *logstore.Store
	crash   func(*vfs.Mem) *vfs.Mem // of what was opened, before it is opened again

	mu        sync.Mutex                           // guards what follows from who takes a snapshot within an operation
	histories map[logstore.TopicPartition]*history // of logs that must be there
	doubtful  map[logstore.TopicPartition]*history // of logs whose creation or deletion was not acknowledged
	sent      int                                  // batches
	padding   int                                  // of the next records, in bytes, as far as segments take it
	producer  int64                                // id of the idempotent one; another one after a log began anew
	produced  []sentBatch                          // by it and acknowledged, as far as they are in the log
	keys      []string                             // of the records of the batch that was built last, in logs that are compacted
}

// sentBatch is an idempotent batch and where it was appended.
type sentBatch struct {
	tp    logstore.TopicPartition
	bytes []byte
	epoch int32
	at    logstore.Appended
}

type step struct {
	name string
	run  func(*workload) error
}

func newWorkload(t testing.TB, c logstore.Config) *workload {
	w := &workload{t: t, mem: vfs.NewMem(), clock: newClock(), events: &events{}, config: c, rand: newRand(), crash: (*vfs.Mem).Crash,
		histories: map[logstore.TopicPartition]*history{}, doubtful: map[logstore.TopicPartition]*history{}}
	w.fault = vfs.NewFault(w.mem)
	return w
}

// note changes what is known of the logs.
func (w *workload) note(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// run runs the script up to the crash, and reports what was wrong before it.
func (w *workload) run(script []step) {
	w.t.Helper()
	if err := w.try(script); err != nil {
		w.t.Fatalf("before the crash: %v", err)
	}
}

// try is run, for who wants the error.
func (w *workload) try(script []step) error {
	err := w.open()
	for _, s := range script {
		if err != nil {
			break
		}
		if err = s.run(w); err != nil {
			err = fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if w.store != nil {
		defer w.store.Close() // after a crash it reaches nothing; its goroutines end
	}
	if err != nil && (!w.fault.Crashed() || errors.Is(err, errWrong)) {
		return err
	}
	return nil
}

func (w *workload) open() (err error) {
	o := w.options()
	o.FS, o.Rand, o.Events = w.fault, w.rand, w.events.add
	w.store, err = logstore.Open("data", o)
	return err
}

func (w *workload) reopen() error {
	err := w.store.Close()
	if err != nil {
		return err
	}
	w.store = nil
	if err := w.open(); err != nil {
		return err
	}
	for tp, hi := range w.histories {
		if err := w.same(tp, hi); err != nil {
			return err
		}
	}
	return nil
}

// same checks a log that did not crash.
func (w *workload) same(tp logstore.TopicPartition, hi *history) error {
	l, err := w.store.Log(tp)
	if err == nil {
		err = hi.check(l, hi.written)
	}
	if err != nil && !w.fault.Crashed() {
		return fmt.Errorf("%w: %s: %w", errWrong, tp, err)
	}
	return err
}

func (w *workload) create(tp logstore.TopicPartition, id byte) error {
	hi := newHistory()
	w.note(func() { w.doubtful[tp] = hi })
	if _, err := w.store.Create(tp, logstore.TopicID{id}, w.config); err != nil {
		return err
	}
	w.note(func() {
		delete(w.doubtful, tp)
		w.histories[tp] = hi
	})
	return nil
}

// createAll asks for logs at once.
func (w *workload) createAll(id byte, tps ...logstore.TopicPartition) error {
	var all []logstore.NewLog
	fresh := map[logstore.TopicPartition]*history{}
	for _, tp := range tps {
		all = append(all, logstore.NewLog{Name: tp, ID: logstore.TopicID{id}, Config: w.config})
		fresh[tp] = newHistory()
	}
	w.note(func() { maps.Copy(w.doubtful, fresh) })
	var failed error
	for i, c := range w.store.CreateAll(all) {
		if failed = errors.Join(failed, c.Err); c.Err != nil {
			continue
		}
		w.note(func() {
			delete(w.doubtful, tps[i])
			w.histories[tps[i]] = fresh[tps[i]]
		})
	}
	return failed
}

func (w *workload) delete(tp logstore.TopicPartition) error {
	w.note(func() {
		w.doubtful[tp] = w.histories[tp]
		delete(w.histories, tp)
		w.produced = slices.DeleteFunc(w.produced, func(b sentBatch) bool { return b.tp == tp })
	})
	if err := w.store.Delete(tp); err != nil {
		return err
	}
	w.note(func() { delete(w.doubtful, tp) })
	return nil
}

// lead appends n records as leader and waits until they are acknowledged.
func (w *workload) lead(tp logstore.TopicPartition, epoch int32, n int, o record.BuilderOptions) error {
	l, err := w.store.Log(tp)
	if err != nil {
		return err
	}
	batch, a, err := w.write(l, epoch, n, o)
	if err == nil {
		err = w.wait(l)
	}
	if err != nil {
		return err
	}
	if o.Producer != nil {
		w.note(func() { w.produced = append(w.produced, sentBatch{tp, batch, epoch, a}) })
	}
	return nil
}

// write appends n records as leader.
func (w *workload) write(l *logstore.Log, epoch int32, n int, o record.BuilderOptions) ([]byte, logstore.Appended, error) {
	hi := w.histories[l.Name()]
	batch, values := w.batch(o, n)
	w.note(func() {
		hi.trying(hi.end, epoch, values...)
		w.noteKeys(hi, hi.end-int64(n), n)
	})
	first := hi.end - int64(n)
	a, err := l.AppendLeader(batch, epoch)
	if err != nil {
		return nil, a, err
	}
	if a.First != first || a.Last != hi.end-1 || a.Duplicate {
		return nil, a, fmt.Errorf("%w: appended at %d to %d, want %d to %d", errWrong, a.First, a.Last, first, hi.end-1)
	}
	w.note(func() { hi.written = hi.end })
	return batch, a, nil
}

// wait waits until all that was written is acknowledged.
func (w *workload) wait(l *logstore.Log) error {
	hi := w.histories[l.Name()]
	if err := l.Wait(w.t.Context(), logstore.HighWatermark, hi.end); err != nil {
		return err
	}
	if l.Config().Durability == logstore.Synced {
		w.note(func() { hi.acked = hi.end })
	}
	return nil
}

// leadEach appends several batches of about n records at once.
func (w *workload) leadEach(tp logstore.TopicPartition, epoch int32, n int) error {
	l, err := w.store.Log(tp)
	if err != nil {
		return err
	}
	hi := w.histories[tp]
	var appends []logstore.LeaderAppend
	next := hi.end
	for i := range 4 {
		count := 1 + (n+i)%3
		batch, values := w.batch(record.BuilderOptions{}, count)
		first := hi.end
		w.note(func() {
			hi.trying(first, epoch, values...)
			w.noteKeys(hi, first, count)
		})
		appends = append(appends, logstore.LeaderAppend{Batches: batch})
	}
	l.AppendLeaderEach(appends, epoch)
	for _, a := range appends {
		if a.Err != nil {
			return a.Err
		}
		if a.First != next || a.Last < a.First || a.Duplicate {
			return fmt.Errorf("%w: appended at %d to %d, want from %d on", errWrong, a.First, a.Last, next)
		}
		next = a.Last + 1
	}
	if next != hi.end {
		return fmt.Errorf("%w: appended up to %d, want %d", errWrong, next, hi.end)
	}
	w.note(func() { hi.written = hi.end })
	return w.wait(l)
}

// together appends to several logs before it waits for the first.
func (w *workload) together(epoch int32, tps ...logstore.TopicPartition) error {
	var logs []*logstore.Log
	for i, tp := range tps {
		l, err := w.store.Log(tp)
		if err == nil {
			_, _, err = w.write(l, epoch, 1+i, record.BuilderOptions{})
		}
		if err != nil {
			return err
		}
		logs = append(logs, l)
	}
	for _, l := range logs {
		if err := w.wait(l); err != nil {
			return err
		}
	}
	return nil
}

func (w *workload) batch(o record.BuilderOptions, n int) ([]byte, []string) {
	w.sent++
	room := int(w.config.SegmentBytes-250)/n - 40 // beside headers
	prefix := fmt.Sprint(w.sent) + strings.Repeat("+", max(0, min(w.padding, room)))
	var values []string
	if w.config.Compact {
		return w.keyedBatch(o, prefix, n)
	}
	for i := range n {
		values = append(values, fmt.Sprintf("%s-%d", prefix, i))
	}
	return batchOf(w.t, o, w.clock.ms(), prefix, n), values
}

// produce is lead by the idempotent producer.
func (w *workload) produce(tp logstore.TopicPartition, epoch int32, n int) error {
	o := record.BuilderOptions{Producer: &record.Producer{ID: w.producer}}
	if k := len(w.produced); k > 0 {
		o.Producer.BaseSequence = record.Batch(w.produced[k-1].bytes).LastSequence() + 1
	}
	return w.lead(tp, epoch, n, o)
}

// follow appends a batch that was numbered elsewhere.
func (w *workload) follow(tp logstore.TopicPartition, epoch int32, first int64, n int) error {
	l, err := w.store.Log(tp)
	if err != nil {
		return err
	}
	hi := w.histories[tp]
	batch, values := w.batch(record.BuilderOptions{BaseOffset: first, LeaderEpoch: epoch}, n)
	w.note(func() {
		hi.trying(first, epoch, values...)
		w.noteKeys(hi, first, n)
	})
	if _, err := l.AppendFollower(batch); err != nil {
		return err
	}
	w.note(func() { hi.written = hi.end })
	if err := l.Flush(); err != nil {
		return err
	}
	w.note(func() { hi.acked = hi.end })
	return nil
}

// flush makes all durable, whatever the durability of the logs.
func (w *workload) flush() error {
	for _, l := range w.store.Logs() {
		if err := l.Flush(); err != nil {
			return err
		}
		hi := w.histories[l.Name()]
		if durable := l.Offset(logstore.Durable); durable != hi.end {
			return fmt.Errorf("%w: flushed, but %d of %d are durable", errWrong, durable, hi.end)
		}
		w.note(func() { hi.acked = hi.end })
	}
	return nil
}

func (w *workload) truncate(tp logstore.TopicPartition, to int64) error {
	l, err := w.store.Log(tp)
	if err != nil {
		return err
	}
	hi := w.histories[tp]
	to = max(to, hi.floor)
	if to >= hi.end {
		return l.TruncateTo(to)
	}
	asked := to
	w.note(func() { to = hi.cutting(to, l.StartOffset()) })
	if err := l.TruncateTo(asked); err != nil {
		return err
	}
	producers, err := l.Producers()
	must(w.t, err)
	w.note(func() {
		w.produced = slices.DeleteFunc(w.produced, func(b sentBatch) bool {
			return b.tp == tp && (b.at.Last >= to || hi.restart >= 0)
		})
		if hi.restart >= 0 {
			w.producer++ // what is remembered of the old one is undefined
		}
		if l.StartOffset() == l.Offset(logstore.LogEnd) && len(producers) == 0 {
			hi.events = nil // begun anew
		}
		hi.cut(to)
	})
	return w.same(tp, hi)
}

func (w *workload) advance(tp logstore.TopicPartition, to int64) error {
	l, err := w.store.Log(tp)
	if err != nil {
		return err
	}
	hi := w.histories[tp]
	w.note(func() { hi.startMax = max(hi.startMax, to) })
	if err := l.AdvanceStart(to); err != nil {
		return err
	}
	w.note(func() { hi.start = max(hi.start, to) })
	return nil
}

// housekeep lets time pass. Retention may move the start up to each log's end.
func (w *workload) housekeep(d time.Duration) error {
	w.clock.add(d)
	w.note(func() {
		for _, hi := range w.histories {
			hi.startMax = max(hi.startMax, hi.end)
		}
	})
	w.store.Housekeep(w.clock.Now())
	if w.fault.Crashed() {
		return vfs.ErrCrashed
	}
	for tp, hi := range w.histories {
		l, err := w.store.Log(tp)
		if err != nil {
			return err
		}
		w.note(func() { hi.startMax = l.StartOffset() })
	}
	if failed := eventsOf[logstore.HousekeepingFailed](w.events); len(failed) > 0 {
		return fmt.Errorf("%w: housekeeping: %v", errWrong, failed)
	}
	return nil
}

// configure changes the configuration of all logs.
func (w *workload) configure(change func(*logstore.Config)) error {
	w.note(func() { change(&w.config) })
	for _, l := range w.store.Logs() {
		if err := l.Configure(w.config); err != nil {
			return err
		}
	}
	return nil
}

// after opens what a crash left and checks it against the histories: once, once
// more after another crash, and with appends of its own.
func (w *workload) after(mem *vfs.Mem, killed bool) error {
	first, s, err := w.check(mem, killed)
	if err != nil {
		return err
	}
	crashed := w.crash(mem)
	_ = s.Close()
	second, s, err := w.check(crashed, killed)
	if err != nil {
		return fmt.Errorf("opened twice: %w", err)
	}
	defer s.Close()
	if !maps.Equal(first, second) {
		return fmt.Errorf("opened once: %v\nopened twice: %v", first, second)
	}
	if err := w.goOn(s); err != nil {
		return err
	}
	// The checker, which reads every batch, finds what was recovered as it must be.
	if err := s.Close(); err != nil {
		return err
	}
	report, err := logstore.Check(crashed, "data", logstore.CheckOptions{})
	if err == nil && report.Faults() > 0 {
		err = fmt.Errorf("the checker finds %v", report.Findings)
	}
	return err
}

// options are those to open a store with; the file system is missing.
func (w *workload) options() logstore.Options {
	o := logstore.Options{Clock: w.clock, Manual: true, Log: w.config, Rand: newRand(), RecoveryWorkers: 1}
	// So small that it is cut now and then.
	o.JournalFileBytes, o.JournalBytes = 16<<10, 48<<10
	o.OpenFilesMax = w.files
	if w.journal {
		o = logstore.JournalAlways(logstore.SyncAllFrom(o, 2))
	}
	return o
}

// check opens a tree and checks every log in it.
func (w *workload) check(mem *vfs.Mem, killed bool) (map[logstore.TopicPartition]string, *logstore.Store, error) {
	o := w.options()
	o.FS = mem
	s, err := logstore.Open("data", o)
	if err != nil {
		return nil, nil, err
	}
	states := map[logstore.TopicPartition]string{}
	for _, l := range s.Logs() {
		hi := w.histories[l.Name()]
		if hi == nil {
			hi = w.doubtful[l.Name()]
		}
		if hi == nil {
			return nil, s, fmt.Errorf("%s was deleted", l.Name())
		}
		least := hi.acked
		if killed {
			least = hi.written
		}
		if err := hi.check(l, least); err != nil {
			return nil, s, fmt.Errorf("%s: %w", l.Name(), err)
		}
		states[l.Name()] = state(w.t, l)
	}
	for tp := range w.histories {
		if _, ok := states[tp]; !ok {
			return nil, s, fmt.Errorf("%s is gone", tp)
		}
	}
	return states, s, nil
}

// goOn appends to what was found: new records, and again what the producer sent
// last, which must be known.
func (w *workload) goOn(s *logstore.Store) error {
	for _, tp := range slices.SortedFunc(maps.Keys(w.histories), func(a, b logstore.TopicPartition) int { return int(a.Partition - b.Partition) }) {
		l, err := s.Log(tp)
		if err != nil {
			return err
		}
		if r := w.lastIn(l); r != nil {
			a, err := l.AppendLeader(slices.Clone(r.bytes), max(r.epoch, l.LatestEpoch()))
			if err != nil || !a.Duplicate || a.First != r.at.First || a.Last != r.at.Last {
				return fmt.Errorf("%s: resent what is at %d to %d: %+v, %v", tp, r.at.First, r.at.Last, a, err)
			}
		}
		end := l.Offset(logstore.LogEnd)
		before := values(w.t, l, logstore.LogEnd)
		a, err := l.AppendLeader(batchOf(w.t, record.BuilderOptions{}, w.clock.ms(), "more", 1), max(0, l.LatestEpoch()))
		if err != nil || a.First != end {
			return fmt.Errorf("%s: appended at %d, want %d: %w", tp, a.First, end, err)
		}
		if err := l.Wait(w.t.Context(), logstore.HighWatermark, end+1); err != nil {
			return err
		}
		if got := values(w.t, l, logstore.HighWatermark); fmt.Sprint(got) != fmt.Sprint(append(before, "more-0")) {
			return fmt.Errorf("%s: after an append %v, before %v", tp, got, before)
		}
	}
	return nil
}

// lastIn is the producer's last batch in a log, nil if there is none.
func (w *workload) lastIn(l *logstore.Log) *sentBatch {
	for _, r := range slices.Backward(w.produced) {
		if r.tp == l.Name() && r.at.First >= l.StartOffset() && r.at.Last < l.Offset(logstore.LogEnd) {
			return &r
		}
	}
	return nil
}

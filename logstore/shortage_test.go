package logstore_test

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// Who makes a log where the system gives no more descriptors has files of others
// closed, as who opens one has, and makes it.
func TestCreateMakesRoomForFiles(t *testing.T) {
	for _, together := range []int{2, 1000} {
		few := &fewDescriptors{FS: vfs.NewMem(), max: 1000}
		s, err := logstore.Open("data", logstore.SyncAllFrom(logstore.Options{FS: few, OpenFilesMax: 1000}, together))
		must(t, err)
		ask := func(from, to int) (all []logstore.NewLog) {
			for i := from; i < to; i++ {
				all = append(all, logstore.NewLog{Name: manyName(i), ID: logstore.TopicID{1}, Config: logstore.DefaultConfig()})
			}
			return all
		}
		const n = 20
		must(t, createdAll(s.CreateAll(ask(0, n)), n))
		must(t, s.Checkpoint()) // they come to rest, and their files stay open
		must(t, s.Checkpoint())
		few.max = few.open.Load() + 6
		must(t, createdAll(s.CreateAll(ask(n, n+10)), 10))
		if few.none.Load() == 0 {
			t.Fatal("there were enough descriptors")
		}
		few.max = 1000
		must(t, s.Close())
	}
}

// A log that could not be made leaves nothing, whenever descriptors were wanting, and
// can be made then.
func TestCreateWithoutDescriptorsLeavesNothing(t *testing.T) {
	for first := int64(1); ; first++ {
		failed := false
		for _, again := range []bool{false, true} {
			h := newHarness(t, nil)
			begin := h.fault.Ops()
			h.fault.SetHook(starved(begin+first, math.MaxInt64))
			_, err := h.store.Create(tp, logstore.TopicID{1}, h.config)
			h.fault.SetHook(nil)
			if failed = err != nil; !failed {
				break
			}
			if !errors.Is(err, syscall.EMFILE) {
				t.Fatal(err)
			}
			if again {
				h.appendDurably(h.log(), "a", 1)
				wantValues(t, values(t, h.reopen(), logstore.HighWatermark), "a-0")
				continue
			}
			must(t, h.store.Close())
			h.open()
			if _, err := h.store.Log(tp); !errors.Is(err, logstore.ErrNotFound) {
				t.Fatalf("from operation %d on without descriptors: %v", first, err)
			}
		}
		if !failed {
			return
		}
	}
}

// A directory that a failed creation has not made is left as it is.
func TestCreateRemovesNothingOfOthers(t *testing.T) {
	h := newHarness(t, nil)
	must(t, h.mem.Mkdir(logDir, 0o755))
	overwrite(t, h.mem, logDir+"/precious", []byte("x"))
	for _, cause := range []error{nil, syscall.EIO} {
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpMkdir {
				return cause
			}
			return nil
		})
		if _, err := h.store.Create(tp, logstore.TopicID{1}, h.config); err == nil {
			t.Fatal("created")
		}
		if !exists(t, h.mem, logDir+"/precious") {
			t.Fatalf("removed, after %v", cause)
		}
	}
}

// A truncation for which there are too few descriptors changes nothing, and the log
// goes on.
func TestTruncationWithoutDescriptors(t *testing.T) {
	for _, to := range []int64{3, 5, 0} {
		refused := 0
		for left := int64(0); left < 12; left++ {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 200 })
			must(t, h.store.Close())
			few := &fewDescriptors{max: 1000}
			h.change = func(o *logstore.Options) { few.FS, o.FS = o.FS, few }
			h.open()
			l := h.log()
			var want []string
			for i := range 6 {
				h.appendDurably(l, fmt.Sprint(i), 1)
				want = append(want, fmt.Sprint(i, "-0"))
			}
			h.tick()
			if to == 0 {
				must(t, l.AdvanceStart(2))
				want = want[2:]
			}
			few.max = few.open.Load() + left
			err := l.TruncateTo(to)
			few.max = 1000
			must(t, l.Err())
			if err != nil {
				refused++
				if !errors.Is(err, syscall.EMFILE) {
					t.Fatal(err)
				}
				wantValues(t, values(t, l, logstore.HighWatermark), want...)
				h.tick()
				if left := filesIn(t, h.mem, logDir, ".cleaned"); len(left) > 0 {
					t.Fatalf("%v are left", left)
				}
				must(t, l.TruncateTo(to))
			}
			want = want[:max(0, int(to)-int(l.StartOffset()))]
			wantValues(t, values(t, l, logstore.HighWatermark), want...)
			wantValues(t, values(t, h.reopen(), logstore.HighWatermark), want...)
			must(t, h.store.Close())
		}
		if refused == 0 || refused == 12 {
			t.Fatalf("%d of 12 were refused", refused)
		}
	}
}

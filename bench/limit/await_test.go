package limit

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"moldau/bench/wire"
	"moldau/logstore/record"
)

// Who waits at a log's end gets what comes, all who do; who waits in vain gets nothing
// when the time is over, or the program ends.
func TestRelayWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		synced := 0
		r := &relay{ctx: ctx, dir: t.TempDir(), topics: map[string]*relayed{}}
		r.sync = func(*File) error { synced++; return nil }
		topic, err := r.topic([]byte("topic"))
		if err != nil {
			t.Fatal(err)
		}
		defer topic.file.Close()
		b, _ := wire.Batch(100, 1000)
		batch := record.Batch(b)
		got := make(chan int64, 10)
		var waiting sync.WaitGroup
		wait := func(offset int64) {
			waiting.Go(func() { _, bytes := r.await(topic, offset, 1, time.Hour); got <- bytes })
		}
		records := int64(batch.Count())
		for range 3 {
			wait(0)
		}
		wait(records) // the second batch
		synctest.Wait()
		if err := r.take([]byte("topic"), 0, batch); err != nil {
			t.Fatal(err)
		}
		if synced != 1 {
			t.Errorf("%d syncs", synced)
		}
		synctest.Wait()
		if len(got) != 3 {
			t.Fatalf("%d of three were woken", len(got))
		}
		for range 3 {
			if n := <-got; n != int64(len(batch)) {
				t.Errorf("%d bytes", n)
			}
		}
		began := time.Now()
		if n := <-got; n != 0 || time.Since(began) != time.Hour {
			t.Errorf("%d bytes after %v", n, time.Since(began))
		}
		wait(records)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(got) != 1 {
			t.Error("who waits outlives the program")
		}
		waiting.Wait()
	})
}

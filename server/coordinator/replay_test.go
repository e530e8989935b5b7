package coordinator_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Offsets that are committed with a transaction hold once it is committed, and
// where in the log they stand.
func TestReplayHoldsTransactionsUntilTheirEnd(t *testing.T) {
	log := open(t, vfs.NewMem(), logstore.Synced)
	end := func(producer int64, commit bool) {
		if _, err := log.AppendMarker(logstore.Marker{ProducerID: producer, Commit: commit}, 0); err != nil {
			t.Fatal(err)
		}
	}
	write := func(producer int64, key string) {
		o := record.BuilderOptions{}
		if producer >= 0 {
			o = record.BuilderOptions{Producer: &record.Producer{ID: producer, BaseSequence: -1}, Transactional: true}
		}
		b := record.NewBuilder(o)
		b.Append(nowMs(), []byte(key), []byte("v"))
		b.Append(nowMs(), []byte(key+"'"), nil)
		batch, err := b.Finish()
		if err == nil {
			_, err = log.AppendLeaderWith(batch, 0, logstore.AppendOptions{ByCoordinator: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(keys ...string) {
		t.Helper()
		var both []string
		for _, k := range keys {
			both = append(both, k, k+"'")
		}
		if got := replayed(t, log); !slices.Equal(got, both) {
			t.Fatalf("replayed %v, want %v", got, both)
		}
	}
	write(1, "a1")
	want()
	write(-1, "b")
	write(2, "c")
	write(1, "a2")
	want("b")
	end(1, true)
	want("a1", "b", "a2")
	write(1, "a3")
	end(2, false)
	want("a1", "b", "a2")
	write(2, "d")
	end(1, false)
	write(-1, "e")
	want("a1", "b", "a2", "e")
	end(2, true)
	want("a1", "b", "a2", "d", "e")
	for i := range 50 { // many aborts of one producer
		write(2, fmt.Sprint(i))
		end(2, i%10 == 9)
	}
	want("a1", "b", "a2", "d", "e", "9", "19", "29", "39", "49")
	if err := log.Wait(context.Background(), logstore.LastStable, log.Offset(logstore.LogEnd)); err != nil {
		t.Fatal(err)
	}
}

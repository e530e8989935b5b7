package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestDeliveryGivesUpWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ctx := newDelivery(t.Context(), "t", 30*time.Second, &progress{})
		pass := func(s time.Duration, wantDone bool) {
			t.Helper()
			time.Sleep(s * time.Second) // of the bubble's clock
			synctest.Wait()
			if done := ctx.Err() != nil; done != wantDone {
				t.Fatalf("given up: %t, want %t", done, wantDone)
			}
		}
		pass(60, false) // nothing is expected yet
		d.expect()
		d.expect()
		pass(29, false)
		d.done(1, &kgo.Record{}, nil)
		pass(29, false) // one is still expected, but one has come
		d.done(2, &kgo.Record{}, nil)
		pass(60, false) // all have come
		d.expect()
		pass(29, false)
		d.expect() // more to come is no progress
		pass(2, true)
		if !errors.Is(context.Cause(ctx), errNotAcknowledged) {
			t.Errorf("cause is %v", context.Cause(ctx))
		}
		d.done(3, nil, context.Canceled)
		d.done(4, nil, context.Canceled)
		<-d.failed
		if r := d.report(); r.Acknowledged != 2 || r.Failed != 2 {
			t.Errorf("%+v", r)
		}
		if err := d.err(); !errors.Is(err, errNotAcknowledged) || err.Error() != "record 3 failed: nothing was acknowledged in time: waited 30s" {
			t.Errorf("error is %q", err)
		}
	})
}

func TestDeliveryReportsSpans(t *testing.T) {
	d, _ := newDelivery(t.Context(), "t", time.Minute, &progress{})
	for i, r := range []kgo.Record{{Topic: "t", Partition: 1, Offset: 7}, {Topic: "t", Offset: 3}, {Topic: "s", Offset: 1}, {Topic: "t", Partition: 1, Offset: 9}} {
		d.expect()
		d.done(int64(i+1), &r, nil)
	}
	want := []deliveredPartition{{"s", 0, 1, 1, 1}, {"t", 0, 1, 3, 3}, {"t", 1, 2, 7, 9}}
	got := d.report().Partitions
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	if err := d.err(); err != nil {
		t.Error(err)
	}
}

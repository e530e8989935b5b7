package wire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"testing"

	"moldau/logstore/latency"
	"moldau/server/wire"
)

// keyed is a request of any key, with correlation id 1 and no client id.
func keyed(key int16) []byte {
	b := []byte{0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff}
	binary.BigEndian.PutUint16(b[4:], uint16(key))
	return b
}

// What was served is counted once, by API, however its reply came about. What
// ended the connection is not.
func TestRequestsAreTimedByAPI(t *testing.T) {
	const answered, waited, silent, failed, unknown = 1, 2, 3, 4, 1000
	s := start(t, wire.Options{Handler: handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		switch r.Key {
		case waited:
			return parked(func(context.Context) (wire.Response, error) { return pong("ok"), nil }), nil
		case silent:
			return wire.Reply{}, nil
		case failed:
			return wire.Reply{}, errors.New("no")
		}
		return ready("ok"), nil
	})})
	c := s.dial(t)
	for _, key := range []int16{answered, waited, silent, unknown, answered, failed} {
		if _, err := c.Write(keyed(key)); err != nil {
			t.Fatal(err)
		}
	}
	replies, err := io.ReadAll(c)
	if err != nil || len(replies) != 4*len("....1234ok") {
		t.Errorf("%d bytes of replies, %v", len(replies), err)
	}
	s.stop(t)
	got := map[int16]int64{}
	s.Requests(func(key int16, took latency.Snapshot) {
		got[key] = took.Count()
		if took.Sum < 0 {
			t.Errorf("key %d took %v", key, took.Sum)
		}
	})
	if want := map[int16]int64{answered: 2, waited: 1, silent: 1}; !maps.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

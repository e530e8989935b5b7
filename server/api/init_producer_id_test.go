package api_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func initProducerID(version int16) *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.ProducerID, req.ProducerEpoch = version, -1, -1
	return req
}

func TestProducerIDsAreNeverHandedOutTwice(t *testing.T) {
	b := start(t)
	seen := map[int64]bool{}
	for range 3 {
		c := b.Dial()
		for version := int16(0); version <= 5; version++ {
			resp := c.Request(initProducerID(version)).(*kmsg.InitProducerIDResponse)
			if resp.ErrorCode != 0 || resp.ProducerID < 0 || resp.ProducerEpoch != 0 {
				t.Fatalf("version %d: %+v", version, resp)
			}
			if seen[resp.ProducerID] {
				t.Errorf("version %d: id %d was handed out before", version, resp.ProducerID)
			}
			seen[resp.ProducerID] = true
		}
		b.Kill()
		b.Restart()
	}
}

func TestInitProducerIDRefuses(t *testing.T) {
	c := start(t).Dial()
	for _, r := range []struct {
		name string
		id   int64
		ep   int16
		txn  *string
		code int16
	}{
		{"an id without epoch", 5, -1, nil, 42},
		{"an epoch without id", -1, 5, nil, 42},
		{"an empty transactional id", -1, -1, kmsg.StringPtr(""), 42},
		{"a transactional id", -1, -1, kmsg.StringPtr("t"), 35},
		{"an id to go on with", 5, 5, nil, 0},
	} {
		req := initProducerID(4)
		req.ProducerID, req.ProducerEpoch, req.TransactionalID = r.id, r.ep, r.txn
		resp := c.Request(req).(*kmsg.InitProducerIDResponse)
		if resp.ErrorCode != r.code || (resp.ProducerID >= 0) != (r.code == 0) {
			t.Errorf("%s: code %d, id %d; want code %d", r.name, resp.ErrorCode, resp.ProducerID, r.code)
		}
	}
}

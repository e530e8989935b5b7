package api_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/servertest"
)

// Version 0 has to be there for librdkafka to compress with lz4 at all; up to
// version 3 the answer is one coordinator, from 4 on a list.
func TestFindCoordinatorNamesThisBroker(t *testing.T) {
	b := start(t)
	c := servertest.Dial(t, b.Addr())
	for version := int16(0); version <= 6; version++ {
		for kind, code := range map[int8]int16{0: 0, 1: 0, 7: kerr.InvalidRequest.Code} {
			if version == 0 && kind != 0 {
				continue // has no field for the kind
			}
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.Version, req.CoordinatorType = version, kind
			req.CoordinatorKey, req.CoordinatorKeys = "g", []string{"g", "h"}
			resp := c.Request(req).(*kmsg.FindCoordinatorResponse)
			got := resp.Coordinators
			if version < 4 {
				one := kmsg.NewFindCoordinatorResponseCoordinator()
				one.NodeID, one.Host, one.Port, one.ErrorCode = resp.NodeID, resp.Host, resp.Port, resp.ErrorCode
				got = append(got, one)
			} else if len(got) != 2 || got[0].Key != "g" || got[1].Key != "h" {
				t.Fatalf("version %d: %+v", version, got)
			}
			for _, at := range got {
				if at.ErrorCode != code || (code == 0) != (at.NodeID == 1 && at.Host == "127.0.0.1" && at.Port > 0) {
					t.Errorf("version %d, kind %d: %+v, want code %d", version, kind, at, code)
				}
			}
		}
	}
}

package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau/server/metadata"
)

// An unknown leader epoch is told as 0, and a missing leader with the error that
// makes clients ask again: at -1 Java drops what it knows, and librdkafka waits
// for an epoch above any that is guessed.
func TestUnknownLeadership(t *testing.T) {
	for _, c := range []struct {
		leader, epoch           int32
		wantedCode              int16
		wantLeader, wantedEpoch int32
	}{
		{leader: 1, epoch: 4, wantLeader: 1, wantedEpoch: 4},
		{leader: 1, epoch: -1, wantLeader: 1, wantedEpoch: 0},
		{leader: -1, epoch: -1, wantedCode: kerr.LeaderNotAvailable.Code, wantLeader: -1, wantedEpoch: 0},
		{leader: -1, epoch: 4, wantedCode: kerr.LeaderNotAvailable.Code, wantLeader: -1, wantedEpoch: 4},
	} {
		code, leader, epoch := leadership(&metadata.Partition{Leader: c.leader, LeaderEpoch: c.epoch})
		if code != c.wantedCode || leader != c.wantLeader || epoch != c.wantedEpoch {
			t.Errorf("leader %d of epoch %d is told as %d, %d, %d", c.leader, c.epoch, code, leader, epoch)
		}
	}
}

package system

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

	"moldau/bench/client"
)

// KeptAll fails unless a topic that only this client produced to has all that it was
// acknowledged, and no more: a broker that drops, or takes twice, must not be the
// faster for it. Of a limit program nothing is known.
func (s *System) KeptAll(ctx context.Context, topic string, o client.Outcome) error {
	if s.admin == nil {
		return nil
	}
	has, err := s.Records(ctx, topic)
	if err == nil && has != o.Records+o.More {
		err = fmt.Errorf("%s: topic %s has %d records, acknowledged were %d", s.Name, topic, has, o.Records+o.More)
	}
	return err
}

// Records is how many were ever appended to a topic.
func (s *System) Records(ctx context.Context, topic string) (records int64, err error) {
	listed, err := s.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	listed.Each(func(o kadm.ListedOffset) { records += o.Offset })
	return records, err
}

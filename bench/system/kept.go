package system

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// WideRecords is Records of many topics, called as [client.WideTopic] does, asked for
// until every partition answers.
func (s *System) WideRecords(ctx context.Context, prefix string, topics int) (records int64, err error) {
	var names []string
	for i := range topics {
		names = append(names, client.WideTopic(prefix, i))
	}
	listed, err := s.ends(ctx, names)
	listed.Each(func(o kadm.ListedOffset) { records += o.Offset })
	return records, err
}

// ends asks for the ends of topics until every partition answers.
func (s *System) ends(ctx context.Context, topics []string) (kadm.ListedOffsets, error) {
	for {
		listed, err := s.admin.ListEndOffsets(ctx, topics...)
		if err == nil && listed.Error() == nil {
			return listed, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return listed, errors.Join(context.Cause(ctx), err, listed.Error())
		}
	}
}

// Kill ends a broker by SIGKILL.
func (s *System) Kill() {
	s.client.Close()
	s.Broker().Kill()
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

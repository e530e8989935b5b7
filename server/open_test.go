package server

import (
	"errors"
	"testing"

	"moldau/logstore"
	"moldau/server/metadata"
)

// In the package, because what it prevents happens in the background: default
// retention on a log that nobody decided about.
func TestLogsNobodyDecidedAboutAreKept(t *testing.T) {
	img, err := metadata.NewImage().Apply(0, []metadata.Record{
		&metadata.TopicRecord{Name: "good", ID: metadata.TopicID{1}},
		&metadata.TopicRecord{Name: "bad", ID: metadata.TopicID{2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	decided := logstore.DefaultConfig()
	decided.RetentionMs = 5
	configOf := func(_ *metadata.Image, topic *metadata.Topic) (logstore.Config, error) {
		if topic.Name == "bad" {
			return logstore.DefaultConfig(), errors.New("not understood")
		}
		return decided, nil
	}
	for topic, want := range map[string]int64{"good": 5, "bad": -1, "stray": -1} {
		c := found(img, logstore.TopicPartition{Topic: topic}, configOf)
		if c.RetentionMs != want || c.RetentionBytes != -1 {
			t.Errorf("%s is kept for %d ms and %d bytes, want %d ms", topic, c.RetentionMs, c.RetentionBytes, want)
		}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

package api

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
)

// autoCreate creates the topics that a Metadata request asks for by name and
// that are not there, and returns the error codes of those that were refused.
//
// It returns when the topics are usable, where Apache Kafka answers at once
// that they do not exist, and leaves it to the client to ask again: that is
// what users of a broker complain about most. The connection's later requests
// wait behind it, which keeps a produce from overtaking its topic.
func (b *Broker) autoCreate(ctx context.Context, req *kmsg.MetadataRequest) map[string]int16 {
	// Before version 4 clients could not say, and always meant yes.
	if !b.AutoCreateTopics || req.Version >= 4 && !req.AllowAutoTopicCreation || everyTopic(req) || len(namedByID(req)) > 0 {
		return nil
	}
	img := b.Controller.Image()
	refused := map[string]int16{}
	var missing []controller.NewTopic
	for _, name := range namesOnce(req) {
		if _, ok := img.Topic(name); ok {
			continue
		}
		if code := unknownTopicCode(name); code != kerr.UnknownTopicOrPartition.Code {
			refused[name] = code
			continue
		}
		missing = append(missing, b.automatic(name))
	}
	if len(missing) == 0 {
		return refused
	}
	for _, result := range b.Controller.CreateTopics(ctx, missing, false) {
		// Another connection was faster: then the topic is there.
		if result.Err == nil || errors.Is(result.Err, controller.ErrTopicExists) {
			result.Err = b.usable(result.Name)
		}
		if result.Err != nil {
			refused[result.Name] = errorCode(result.Err)
		}
	}
	return refused
}

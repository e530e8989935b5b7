package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/wire"
)

// deletion is a topic that is to be deleted. An empty name is a name too, a
// null one is not.
type deletion struct {
	controller.TopicRef
	named bool
}

// deleteTopics deletes topics by name, from version 6 on also by id.
func (b *Broker) deleteTopics(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	ctx, cancel := administer(ctx, req.TimeoutMillis)
	defer cancel()
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Version = r.Version
	asked := deletions(req)
	if allowed, ok := b.Controller.Layers(b.Controller.Image()).Value("delete.topic.enable"); ok && !allowed.Bool() {
		resp.Topics = deletionDisabled(asked, r.Version)
		return wire.Reply{Response: resp}, nil
	}
	times := make(map[deletion]int, len(asked))
	for _, d := range asked {
		times[d]++
	}
	var refs []controller.TopicRef
	for _, d := range asked {
		n := times[d]
		times[d] = 0 // what is asked twice is answered once
		switch err := d.check(n); {
		case n == 0:
		case err != nil:
			resp.Topics = append(resp.Topics, d.answer(err))
		default:
			refs = append(refs, d.TopicRef)
		}
	}
	for _, result := range b.Controller.DeleteTopics(ctx, refs) {
		d := deletion{controller.TopicRef{Name: result.Name, ID: result.ID}, result.Name != "" || result.ID == (metadata.TopicID{})}
		resp.Topics = append(resp.Topics, d.answer(result.Err))
	}
	return wire.Reply{Response: resp}, nil
}

func deletions(req *kmsg.DeleteTopicsRequest) []deletion {
	var asked []deletion
	if req.Version < 6 {
		for _, name := range req.TopicNames {
			asked = append(asked, deletion{controller.TopicRef{Name: name}, true})
		}
		return asked
	}
	for _, t := range req.Topics {
		d := deletion{controller.TopicRef{ID: t.TopicID}, t.Topic != nil}
		if d.named {
			d.Name = *t.Topic
		}
		asked = append(asked, d)
	}
	return asked
}

// check is what is wrong with a topic that was asked for n times, before
// anybody looks for it.
func (d deletion) check(n int) error {
	hasID := d.ID != metadata.TopicID{}
	switch {
	case !d.named && !hasID:
		return controller.Refuse(controller.ErrInvalidRequest, "Neither topic name nor id were specified.")
	case d.named && hasID:
		return controller.Refuse(controller.ErrInvalidRequest, "You may not specify both topic name and topic id.")
	case n > 1 && hasID:
		return controller.Refuse(controller.ErrInvalidRequest, "Duplicate topic id.")
	case n > 1:
		return controller.Refuse(controller.ErrInvalidRequest, "Duplicate topic name.")
	}
	return nil
}

func (d deletion) answer(err error) kmsg.DeleteTopicsResponseTopic {
	t := kmsg.NewDeleteTopicsResponseTopic()
	if d.named {
		t.Topic = &d.Name
	}
	t.TopicID = d.ID
	t.ErrorCode, t.ErrorMessage = errorCode(err), errorMessage(err)
	return t
}

// deletionDisabled is the answer under delete.topic.enable=false. The error has
// a code of its own since version 3.
func deletionDisabled(asked []deletion, version int16) []kmsg.DeleteTopicsResponseTopic {
	code := kerr.TopicDeletionDisabled.Code
	if version < 3 {
		code = kerr.InvalidRequest.Code
	}
	var topics []kmsg.DeleteTopicsResponseTopic
	for _, d := range asked {
		t := d.answer(nil)
		t.ErrorCode, t.ErrorMessage = code, kmsg.StringPtr("Topic deletion is disabled.")
		topics = append(topics, t)
	}
	return topics
}

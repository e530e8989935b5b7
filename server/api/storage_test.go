package api_test

import (
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

func storageError(t *testing.T, what string, code int16, message *string) {
	t.Helper()
	if code != kerr.KafkaStorageError.Code || message == nil || !strings.Contains(*message, "no space left") {
		t.Errorf("%s: answered %v, %v", what, kerr.ErrorForCode(code), message)
	}
}

// A topic whose logs cannot be made must not pass for one that can be used, and
// is one as soon as there is room.
func TestTopicWithoutItsLogs(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	clock := &servertest.Clock{}
	var log servertest.Log
	b := servertest.Start(t, server.Config{FS: disk, Clock: clock, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c := b.Dial()
	createTopic(c, t, "grown", 1)
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpMkdir {
			return syscall.ENOSPC
		}
		return nil
	})
	got := createTopics(c, newTopics(7, []string{"made"}, nil))[0]
	storageError(t, "CreateTopics", got.ErrorCode, got.ErrorMessage)
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.Version = 3
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = "grown", 2
	more.Topics = append(more.Topics, topic)
	grown := c.Request(more).(*kmsg.CreatePartitionsResponse).Topics[0]
	storageError(t, "CreatePartitions", grown.ErrorCode, grown.ErrorMessage)
	auto := metadataOf(9, true, "asked")
	if code := metadata(c, auto).Topics[0].ErrorCode; code != kerr.KafkaStorageError.Code {
		t.Errorf("Metadata that creates: error code %d", code)
	}
	if code := produce(c, produceTo(9, -1, "made", 0, plain(t))).ErrorCode; code != kerr.KafkaStorageError.Code {
		t.Errorf("produce: error code %d", code)
	}
	if code := fetch(c, fetchFrom(12, "made", 0, 0)).ErrorCode; code != kerr.KafkaStorageError.Code {
		t.Errorf("fetch: error code %d", code)
	}
	// Up to version 5 clients do not know the storage error, and give up on it.
	if code := fetch(c, fetchFrom(5, "made", 0, 0)).ErrorCode; code != kerr.NotLeaderForPartition.Code {
		t.Errorf("fetch of version 5: error code %d", code)
	}
	for range 20 {
		clock.Step(time.Second)
		produce(c, produceTo(9, -1, "made", 0, plain(t)))
	}
	if n := log.Count("partition=made-0"); n != 1 {
		t.Errorf("%d lines about one partition", n)
	}
	disk.SetHook(nil)
	clock.Step(time.Second)
	mustProduce(c, t, "made", 0, plain(t))
	mustProduce(c, t, "grown", 1, plain(t))
	mustProduce(c, t, "asked", 0, plain(t))
}

func TestPartitionsHaveALimit(t *testing.T) {
	c := servertest.Start(t, server.Config{FS: vfs.NewMem(), PartitionsMax: 5}).Dial()
	req := newTopics(7, []string{"a", "b", "c"}, func(req *kmsg.CreateTopicsRequest) {
		for i, n := range []int32{2, 4, 2} {
			req.Topics[i].NumPartitions = n
		}
	})
	for _, got := range createTopics(c, req) {
		if got.Topic != "b" {
			if got.ErrorCode != 0 {
				t.Errorf("%s: error code %d", got.Topic, got.ErrorCode)
			}
			continue
		}
		answered(t, "b", got.ErrorCode, got.ErrorMessage, kerr.PolicyViolation, "Unable to perform this operation: it adds 4 partition(s), and of at most 5 of this broker 3 are left.")
	}
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.Version = 3
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic = "a"
	more.Topics = append(more.Topics, topic)
	for _, r := range []struct {
		count int32
		code  int16
	}{{4, kerr.PolicyViolation.Code}, {3, 0}} {
		more.Topics[0].Count = r.count
		if got := c.Request(more).(*kmsg.CreatePartitionsResponse).Topics[0]; got.ErrorCode != r.code {
			t.Errorf("%d partitions: error code %d, want %d", r.count, got.ErrorCode, r.code)
		}
	}
	auto := metadataOf(9, true, "auto")
	if code := metadata(c, auto).Topics[0].ErrorCode; code != kerr.PolicyViolation.Code {
		t.Errorf("Metadata that creates: error code %d", code)
	}
}

// A disk that fails at every append is told of once, not at each of them.
func TestFailingAppendsAreLoggedOnce(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	var log servertest.Log
	c := servertest.Start(t, server.Config{FS: disk, Logger: slog.New(slog.NewTextHandler(&log, nil))}).Dial()
	createTopic(c, t, "t", 1)
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return syscall.ENOSPC
		}
		return nil
	})
	for range 5 {
		if code := produce(c, produceTo(9, -1, "t", 0, plain(t))).ErrorCode; code != kerr.KafkaStorageError.Code {
			t.Fatalf("error code %d", code)
		}
	}
	disk.SetHook(nil)
	mustProduce(c, t, "t", 0, plain(t))
	if failed, over := log.Count("partition takes no records"), log.Count("partition takes records again"); failed != 1 || over != 1 {
		t.Errorf("%d lines that it fails, %d that it is over", failed, over)
	}
}

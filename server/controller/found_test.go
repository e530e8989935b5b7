package controller_test

import (
	"errors"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/controller"
	"moldau/server/metadata"
)

func foundStore(t *testing.T, o logstore.Options) *logstore.Store {
	t.Helper()
	o.Manual = true
	s, err := logstore.Open("metadata", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFoundedClusterIsReadAndOpened(t *testing.T) {
	fsys := vfs.NewMem()
	s := foundStore(t, logstore.Options{FS: fsys})
	id := metadata.TopicID{1, 2, 3}
	commands := [][]metadata.Record{
		{&metadata.ClusterRecord{ClusterID: "brought-along"}},
		{
			&metadata.TopicRecord{Name: "orders", ID: id},
			&metadata.PartitionsRecord{TopicID: id, Partitions: []metadata.Partition{{Leader: 1, LeaderEpoch: 7, Replicas: []int32{1}, ISR: []int32{1}}}},
		},
	}
	if err := controller.Found(s, nil, commands); err != nil {
		t.Fatal(err)
	}
	if err := controller.Found(s, nil, commands); !errors.Is(err, controller.ErrFounded) {
		t.Errorf("founded twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	readOnly := foundStore(t, logstore.Options{FS: fsys, ReadOnly: true})
	img, err := controller.ReadImage(readOnly)
	if err != nil {
		t.Fatal(err)
	}
	if topic, ok := img.TopicByID(id); !ok || topic.Name != "orders" || topic.Partitions[0].LeaderEpoch != 7 || img.ClusterID() != "brought-along" {
		t.Errorf("read %+v of cluster %q", topic, img.ClusterID())
	}
	if err := readOnly.Close(); err != nil {
		t.Fatal(err)
	}

	s = foundStore(t, logstore.Options{FS: fsys})
	c, err := controller.Open(controller.Options{Store: s, NodeID: 1})
	if err != nil {
		t.Fatal(err)
	}
	// The start gives the partitions that the broker leads a new leader epoch.
	if topic, ok := c.Image().TopicByID(id); !ok || topic.Partitions[0].LeaderEpoch != 8 {
		t.Errorf("opened with %+v", topic)
	}
	if err := errors.Join(c.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestFoundWritesNothingThatCannotBeApplied(t *testing.T) {
	s := foundStore(t, logstore.Options{FS: vfs.NewMem()})
	err := controller.Found(s, nil, [][]metadata.Record{
		{&metadata.ClusterRecord{ClusterID: "c"}},
		{&metadata.RemoveTopicRecord{TopicID: metadata.TopicID{9}}},
	})
	if !errors.Is(err, metadata.ErrApply) {
		t.Errorf("a removal of what is not there: %v", err)
	}
	if _, err := controller.ReadImage(s); !errors.Is(err, logstore.ErrNotFound) {
		t.Errorf("something was written: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

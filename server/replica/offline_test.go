package replica_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"moldau/logstore/vfs"
	"moldau/server/metadata"
	"moldau/server/replica"
)

// startFull is a fixture on a file system that takes no new files, as one that
// is full or whose user has no descriptors left, until full says otherwise.
func startFull(t *testing.T) (f *fixture, full func(bool)) {
	faulty := vfs.NewFault(vfs.NewMem())
	full = func(yes bool) {
		if !yes {
			faulty.SetHook(nil)
			return
		}
		faulty.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpMkdir || op.Kind == vfs.OpCreate {
				return syscall.ENOSPC
			}
			return nil
		})
	}
	f = &fixture{t: t, fs: faulty, image: metadata.NewImage()}
	f.open()
	f.apply(&metadata.BrokerRecord{ID: node}) // the first: from here on topics are new
	full(true)
	return f, full
}

func (f *fixture) lines(text string) int { return strings.Count(f.log.String(), text) }

func TestOfflinePartitionComesBackWhenUsed(t *testing.T) {
	f, full := startFull(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	p := f.partition("t", 0)
	if _, _, err := p.Append(batch(t)); !errors.Is(err, replica.ErrOffline) || !strings.Contains(err.Error(), "no space") {
		t.Fatalf("append without a log: %v", err)
	}
	full(false)
	// Not before its time, however often it is asked for.
	f.now = f.now.Add(time.Second - 1)
	if _, _, err := p.Append(batch(t)); !errors.Is(err, replica.ErrOffline) {
		t.Errorf("append within the second: %v", err)
	}
	f.now = f.now.Add(1)
	f.append("t", 0)
	if err := p.Offline(); err != nil {
		t.Error(err)
	}
	if f.partition("t", 0) != p {
		t.Error("the partition was replaced")
	}
	f.restart()
	if a := f.append("t", 0); a.First != 1 {
		t.Errorf("the log goes on at %d", a.First)
	}
}

func TestOfflinePartitionComesBackWithTheNextChange(t *testing.T) {
	f, full := startFull(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	full(false)
	f.now = f.now.Add(time.Second)
	value := "5000"
	f.apply(&metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "t", Key: "retention.ms", Value: &value})
	if err := f.partition("t", 0).Offline(); err != nil {
		t.Fatal(err)
	}
	log, err := f.partition("t", 0).Local()
	if err != nil || log.Config().RetentionMs != 5000 {
		t.Errorf("it has not the configuration of now: %v", err)
	}
}

// One line when it goes, one when it is back, whatever clients do meanwhile.
func TestOfflinePartitionIsLoggedOnce(t *testing.T) {
	f, full := startFull(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	for range 10 {
		f.now = f.now.Add(time.Second)
		if _, err := f.partition("t", 0).Local(); !errors.Is(err, replica.ErrOffline) {
			t.Fatal(err)
		}
	}
	if n := f.lines("level=ERROR"); n != 1 {
		t.Errorf("%d lines: %s", n, f.log.String())
	}
	full(false)
	f.now = f.now.Add(time.Second)
	f.append("t", 0)
	if n := f.lines("online again"); n != 1 || f.lines("level=ERROR") != 1 {
		t.Errorf("logged: %s", f.log.String())
	}
}

func TestDeletedPartitionDoesNotComeBack(t *testing.T) {
	f, full := startFull(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	p := f.partition("t", 0)
	f.apply(removed(7))
	full(false)
	f.now = f.now.Add(time.Minute)
	if _, err := p.Local(); !errors.Is(err, replica.ErrOffline) {
		t.Errorf("the partition of a deleted topic: %v", err)
	}
	f.apply(topic("t", 8), partitions(8, 0, led(node, node)))
	f.append("t", 0)
	if n := len(f.store.Logs()); n != 1 {
		t.Errorf("there are %d logs", n)
	}
}

func removed(n byte) metadata.Record { return &metadata.RemoveTopicRecord{TopicID: id(n)} }

// A disk that fails at each append is told once, and once that it is over.
func TestTroubleIsToldOnce(t *testing.T) {
	var trouble replica.Trouble
	if trouble.Over() {
		t.Error("it is over before it began")
	}
	if !trouble.Begins() || trouble.Begins() {
		t.Error("it does not begin once")
	}
	if !trouble.Over() || trouble.Over() {
		t.Error("it is not over once")
	}
	if !trouble.Begins() {
		t.Error("it does not begin again")
	}
}

// A log that there was no descriptor, or no room, for when the store was opened is opened
// when the partition is used.
func TestLogThatWasNotOpenedComesBackWhenUsed(t *testing.T) {
	for _, want := range []error{syscall.EMFILE, syscall.ENOSPC} {
		t.Run(want.Error(), func(t *testing.T) { comesBack(t, want) })
	}
}

func comesBack(t *testing.T, want error) {
	mem := vfs.NewMem()
	f := &fixture{t: t, fs: mem, image: metadata.NewImage()}
	f.open()
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	f.append("t", 0)
	killed := vfs.NewFault(mem.Clone())
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	killed.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpOpen && strings.HasSuffix(op.Name, ".log") {
			return want
		}
		return nil
	})
	f.fs = killed
	f.open()
	if err := f.manager.Apply(metadata.NewImage(), f.image); err != nil {
		t.Fatal(err)
	}
	p := f.partition("t", 0)
	if _, _, err := p.Append(batch(t)); !errors.Is(err, replica.ErrOffline) || !errors.Is(err, want) {
		t.Fatalf("append without a log: %v", err)
	}
	killed.SetHook(nil)
	f.now = f.now.Add(30 * time.Second)
	if a := f.append("t", 0); a.First != 1 {
		t.Errorf("the log goes on at %d", a.First)
	}
	f.restart()
	if a := f.append("t", 0); a.First != 2 {
		t.Errorf("the log goes on at %d", a.First)
	}
}

package controller_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server/controller"
	"moldau/server/metadata"
)

var metadataLog = logstore.TopicPartition{Topic: "__metadata"}

// workload is one command after the other, until one is not answered well. It
// returns the state after each.
func workload(c *controller.Controller) (states []string) {
	ctx := context.Background()
	states = append(states, state(c.Image()))
	var a metadata.TopicID
	for _, step := range []func() error{
		func() error {
			r := c.CreateTopics(ctx, []controller.NewTopic{topic("a", 3), topic("b", 1)}, false)
			a = r[0].ID
			return r[0].Err
		},
		func() error { return alter(c, set("a", "retention.ms", "5")) },
		func() error { return alter(c, setBroker("", "log.segment.bytes", "2000000")) },
		func() error { _, _, err := c.AllocateProducerIDs(ctx); return err },
		func() error { return c.DeleteTopics(ctx, []controller.TopicRef{{ID: a}})[0].Err },
		func() error {
			return c.CreatePartitions(ctx, []controller.NewPartitions{{Topic: "b", Total: 4}}, false)[0].Err
		},
	} {
		if step() != nil {
			break
		}
		states = append(states, state(c.Image()))
	}
	return states
}

// run opens a store and a controller on fs and runs the workload, as far as
// the disk lets it.
func run(fs vfs.FS) (states []string, err error) {
	store, err := logstore.Open("metadata", logstore.Options{FS: fs, Clock: fixedClock{}, Manual: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }()
	o := options(1)
	o.Store = store
	c, err := controller.Open(o)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return workload(c), nil
}

// reopen starts again on fs and returns the state.
func reopen(t *testing.T, fs vfs.FS) string {
	t.Helper()
	store, closeStore := openStore(t, fs)
	defer closeStore()
	o := options(2)
	o.Store = store
	c, err := controller.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return state(c.Image())
}

// The log's id is in the store's manifest before it is in a file, and may be lost with it.
func TestRestartWithoutTheLogsID(t *testing.T) {
	mem := vfs.NewMem()
	states, err := run(mem)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"moldau/manifest", "logs/__metadata-0/partition.metadata"} {
		if err := mem.Remove("metadata/" + name); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := reopen(t, mem), states[len(states)-1]; got != want {
		t.Fatalf("restart gives\n%swant\n%s", got, want)
	}
}

func TestRestart(t *testing.T) {
	mem := vfs.NewMem()
	states, err := run(mem)
	if err != nil || len(states) != 7 {
		t.Fatalf("%d states, %v", len(states), err)
	}
	for n := range 2 {
		if got, want := reopen(t, mem), states[6]; got != want {
			t.Fatalf("restart %d gives\n%swant\n%s", n, got, want)
		}
	}
}

// Power is lost at each operation on the disk in turn. What was answered is
// there afterwards; of the command under way there is all or nothing.
func TestPowerLossAtEachOperation(t *testing.T) {
	mem := vfs.NewMem()
	whole := vfs.NewFault(mem)
	complete, err := run(whole)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Ops() < 50 {
		t.Fatalf("only %d operations: the disk is not under test", whole.Ops())
	}
	for n := int64(1); n <= whole.Ops(); n++ {
		mem := vfs.NewMem()
		fault := vfs.NewFault(mem)
		fault.SetHook(func(op vfs.Op) error {
			if op.Seq >= n {
				return vfs.ErrCrashed
			}
			return nil
		})
		states, _ := run(fault)
		got := reopen(t, mem.Crash())
		if len(states) == 0 {
			// It never came up, so its cluster's id may be another now.
			if topics := strings.Count(got, "\n") - 1; topics != 0 {
				t.Fatalf("power lost at operation %d, before the start: %d topics", n, topics)
			}
			continue
		}
		answered := len(states) - 1
		if got != complete[answered] && (answered+1 == len(complete) || got != complete[answered+1]) {
			t.Fatalf("power lost at operation %d, after %d answers, gives\n%swant\n%s", n, answered, got, complete[answered])
		}
	}
}

// appendRaw writes values as one batch into the metadata log, behind what a
// start left there.
func appendRaw(t *testing.T, fs vfs.FS, base int64, values ...[]byte) {
	t.Helper()
	store, closeStore := openStore(t, fs)
	defer closeStore()
	log, err := store.Log(metadataLog)
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBuilder(record.BuilderOptions{})
	for _, v := range values {
		b.Append(fixedClock{}.Now().UnixMilli(), nil, v)
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if appended, err := log.AppendLeader(batch, 0); err != nil || appended.First != base {
		t.Fatalf("appended at %d, %v", appended.First, err)
	}
}

// refusesToStart checks that a damaged log keeps the broker from starting, and
// that the error says where.
func refusesToStart(t *testing.T, fs vfs.FS, parts ...string) {
	t.Helper()
	store, closeStore := openStore(t, fs)
	defer closeStore()
	o := options(2)
	o.Store = store
	c, err := controller.Open(o)
	if err == nil {
		_ = c.Close()
		t.Fatal("a damaged metadata log was taken")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not tell %q", err, part)
		}
	}
}

func TestDamagedRecord(t *testing.T) {
	good := metadata.AppendRecord(nil, &metadata.TopicRecord{Name: "x", ID: metadata.TopicID{1}})
	for _, c := range []struct {
		name  string
		value []byte
		parts []string
	}{
		{"cut", good[:len(good)-3], []string{"offset 3", "invalid metadata record"}},
		{"null", nil, []string{"offset 3", "invalid metadata record"}},
		{"of a newer version", append([]byte{1, 99}, good[2:]...), []string{"offset 3", "newer version"}},
		{"contradicting", good, []string{"offset 3", `topic "x" exists`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := vfs.NewMem()
			reopen(t, mem) // writes records 0 and 1
			appendRaw(t, mem, 2, good, c.value)
			refusesToStart(t, mem, append(c.parts, "__metadata-0")...)
		})
	}
}

// Offsets are versions of the cluster, so none may be missing.
func TestMissingRecord(t *testing.T) {
	mem := vfs.NewMem()
	reopen(t, mem)
	log, closeStore := openMetadataLog(t, mem)
	if _, err := log.AppendFollower(topicBatch(t, 3)); err != nil {
		t.Fatal(err)
	}
	closeStore()
	refusesToStart(t, mem, "__metadata-0", "damaged at offset 3", "2 records are before it")
}

// What a repair leaves of a command is a batch without records: its offsets are taken,
// and nothing may be written behind it.
func TestCommandThatARepairTookOut(t *testing.T) {
	mem := vfs.NewMem()
	reopen(t, mem)
	log, closeStore := openMetadataLog(t, mem)
	if _, err := log.AppendFollower(record.AppendEmpty(nil, topicBatch(t, 2))); err != nil {
		t.Fatal(err)
	}
	closeStore()
	refusesToStart(t, mem, "__metadata-0", "damaged at offset 2", "backup")
}

// A log whose beginning is gone is no cluster's, unless a cluster began behind it.
func TestMetadataLogWithoutItsBeginning(t *testing.T) {
	mem := vfs.NewMem()
	reopen(t, mem)
	log, closeStore := openMetadataLog(t, mem)
	var first record.Batch
	for b, err := range log.Batches(t.Context(), 0, logstore.LogEnd) {
		if err != nil {
			t.Fatal(err)
		}
		first = bytes.Clone(b)
		break
	}
	end := log.Offset(logstore.LogEnd)
	if err := log.AdvanceStart(end); err != nil {
		t.Fatal(err)
	}
	closeStore()
	refusesToStart(t, mem, "__metadata-0", fmt.Sprint("begins at offset ", end))

	log, closeStore = openMetadataLog(t, mem)
	if _, err := log.AppendLeader(topicBatch(t, 0), 0); err != nil {
		t.Fatal(err)
	}
	closeStore()
	refusesToStart(t, mem, "__metadata-0", fmt.Sprint("begins at offset ", end))

	log, closeStore = openMetadataLog(t, mem)
	if _, err := log.AppendLeader(first, 0); err != nil {
		t.Fatal(err)
	}
	if err := log.AdvanceStart(end + 1); err != nil {
		t.Fatal(err)
	}
	closeStore()
	reopen(t, mem)
}

// openMetadataLog opens the store of a controller that was closed.
func openMetadataLog(t *testing.T, mem *vfs.Mem) (log *logstore.Log, closeStore func()) {
	t.Helper()
	store, closeStore := openStore(t, mem)
	log, err := store.Log(metadataLog)
	if err != nil {
		t.Fatal(err)
	}
	return log, closeStore
}

// topicBatch is a command that makes a topic, at an offset.
func topicBatch(t *testing.T, offset int64) record.Batch {
	t.Helper()
	b := record.NewBuilder(record.BuilderOptions{BaseOffset: offset})
	b.Append(fixedClock{}.Now().UnixMilli(), nil, metadata.AppendRecord(nil, &metadata.TopicRecord{Name: "x", ID: metadata.TopicID{1}}))
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestFlippedByte(t *testing.T) {
	mem := vfs.NewMem()
	if _, err := run(mem); err != nil {
		t.Fatal(err)
	}
	name := path.Join("metadata", "logs", metadataLog.String(), "00000000000000000000.log")
	f, err := mem.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	at := size / 2
	if _, err := f.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, mem, "__metadata-0", "damaged at offset")
}

// A directory of that name may be a topic's that somebody moved there.
func TestForeignLog(t *testing.T) {
	mem := vfs.NewMem()
	store, closeStore := openStore(t, mem)
	if _, err := store.Create(metadataLog, logstore.TopicID{9}, logstore.DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	closeStore()
	refusesToStart(t, mem, "holds a topic")
}

// The log takes a command of 10,000 topics in one batch, and more
// comes back than one read holds.
func TestLargeLog(t *testing.T) {
	mem := vfs.NewMem()
	store, closeStore := openStore(t, mem)
	o := options(1)
	o.Store = store
	c, err := controller.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 220)
	for n := range 2 {
		asked := make([]controller.NewTopic, 10_000)
		for i := range asked {
			asked[i] = topic(fmt.Sprintf("%s-%d-%d", long, n, i), 1)
		}
		create(t, c, asked...)
	}
	want := state(c.Image())
	_ = c.Close()
	closeStore()
	if reopen(t, mem) != want {
		t.Error("20,000 topics are not what they were")
	}
}

// A full disk refuses commands, one after the other, and breaks nothing.
func TestFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem)
	store, closeStore := openStore(t, fault)
	defer closeStore()
	o := options(1)
	o.Store = store
	c, err := controller.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return vfs.ShortWrite(10, fmt.Errorf("write: %w", logstore.ErrNoSpace))
		}
		return nil
	})
	r := c.CreateTopics(context.Background(), []controller.NewTopic{topic("t", 1)}, false)[0]
	if !errors.Is(r.Err, controller.ErrUnavailable) {
		t.Errorf("on a full disk: %v", r.Err)
	}
	fault.SetHook(nil)
	create(t, c, topic("t", 1))
}

// A sync that failed is final: nothing is taken until the next start, which
// finds out what became of the command.
func TestFailedSync(t *testing.T) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem)
	store, _ := openStore(t, fault)
	o := options(1)
	o.Store = store
	c, err := controller.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return errDisk
		}
		return nil
	})
	for n := range 2 {
		r := c.CreateTopics(context.Background(), []controller.NewTopic{topic("t", 1)}, false)[0]
		if !errors.Is(r.Err, controller.ErrUnavailable) {
			t.Errorf("command %d after a failed sync: %v", n, r.Err)
		}
		fault.SetHook(nil)
	}
	if c.Image().TopicCount() != 0 {
		t.Error("the topic is visible without being durable")
	}
	_ = store.Close() // the log is broken, and says so
	if got := reopen(t, mem.Crash()); strings.Contains(got, "\nt ") {
		t.Error("what was never synced survived a power loss: the test's disk is wrong")
	}
}

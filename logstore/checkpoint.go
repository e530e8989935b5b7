package logstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"moldau/logstore/vfs"
)

// Kafka's text files. Each begins with a version line "0" and a count line.
const (
	recoveryPointFile  = "recovery-point-offset-checkpoint"
	startOffsetFile    = "log-start-offset-checkpoint"
	highWatermarkFile  = "replication-offset-checkpoint"
	cleanerOffsetFile  = "cleaner-offset-checkpoint"
	epochFile          = "leader-epoch-checkpoint"
	partitionMetaFile  = "partition.metadata"
	cleanShutdownFile  = ".kafka_cleanshutdown"
	lockFile           = ".lock"
	tmpSuffix          = ".tmp" // of a file that gets its name when it is durable
	checkpointBytesMax = 256 << 20
)

// offsetCheckpoint is one offset for each of many partitions.
type offsetCheckpoint map[TopicPartition]int64

// ownMark is an entry of our recovery point checkpoint that names no log, as
// topics cannot have such a name. Kafka ignores it, and leaves it out of what it
// writes: so a checkpoint without it tells that another program was the last to
// keep this directory, and its rules hold.
var ownMark = TopicPartition{Topic: "moldau!"}

// epochEntry is the first offset that was written under a leader epoch.
type epochEntry struct {
	epoch int32
	start int64
}

var errCheckpoint = errors.New("malformed checkpoint")

// checkpointLines returns the lines after version and count, whose number the
// count must name.
func checkpointLines(text []byte) ([]string, error) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 2 || lines[0] != "0" {
		return nil, fmt.Errorf("%w: no version 0", errCheckpoint)
	}
	n, err := strconv.Atoi(lines[1])
	if err != nil || n != len(lines)-2 {
		return nil, fmt.Errorf("%w: %d lines, count says %q", errCheckpoint, len(lines)-2, lines[1])
	}
	return lines[2:], nil
}

func decodeOffsetCheckpoint(text []byte) (offsetCheckpoint, error) {
	lines, err := checkpointLines(text)
	if err != nil {
		return nil, err
	}
	c := make(offsetCheckpoint, len(lines))
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("%w: line %q", errCheckpoint, line)
		}
		partition, err1 := strconv.ParseInt(f[1], 10, 32)
		offset, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
			return nil, fmt.Errorf("%w: line %q", errCheckpoint, line)
		}
		c[TopicPartition{f[0], int32(partition)}] = offset
	}
	return c, nil
}

func (c offsetCheckpoint) encode() []byte {
	names := make([]TopicPartition, 0, len(c))
	for tp := range c {
		names = append(names, tp)
	}
	slices.SortFunc(names, compareNames)
	var b bytes.Buffer
	fmt.Fprintf(&b, "0\n%d\n", len(names))
	for _, tp := range names {
		fmt.Fprintf(&b, "%s %d %d\n", tp.Topic, tp.Partition, c[tp])
	}
	return b.Bytes()
}

func decodeEpochs(text []byte) ([]epochEntry, error) {
	lines, err := checkpointLines(text)
	if err != nil {
		return nil, err
	}
	entries := make([]epochEntry, 0, len(lines))
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 2 {
			return nil, fmt.Errorf("%w: line %q", errCheckpoint, line)
		}
		epoch, err1 := strconv.ParseInt(f[0], 10, 32)
		start, err2 := strconv.ParseInt(f[1], 10, 64)
		if err1 != nil || err2 != nil || epoch < 0 || start < 0 {
			return nil, fmt.Errorf("%w: line %q", errCheckpoint, line)
		}
		e := epochEntry{int32(epoch), start}
		if n := len(entries); n > 0 && (e.epoch <= entries[n-1].epoch || e.start < entries[n-1].start) {
			return nil, fmt.Errorf("%w: line %q goes back", errCheckpoint, line)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func encodeEpochs(entries []epochEntry) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "0\n%d\n", len(entries))
	for _, e := range entries {
		fmt.Fprintf(&b, "%d %d\n", e.epoch, e.start)
	}
	return b.Bytes()
}

func decodePartitionMeta(text []byte) (TopicID, error) {
	var id TopicID
	version, rest, _ := strings.Cut(string(text), "\n")
	key, value, ok := strings.Cut(strings.TrimSuffix(rest, "\n"), ": ")
	if version != "version: 0" || key != "topic_id" || !ok {
		return id, fmt.Errorf("%w: partition metadata %q", errCheckpoint, text)
	}
	return ParseTopicID(value)
}

func encodePartitionMeta(id TopicID) []byte {
	return []byte("version: 0\ntopic_id: " + id.String())
}

// readFile reads a small file whole. A missing one is fs.ErrNotExist.
func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > checkpointBytesMax {
		return nil, fmt.Errorf("%w: %s has %d bytes", errCheckpoint, name, size)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); err != nil && !(errors.Is(err, io.EOF) && int64(n) == size) {
		return nil, err
	}
	return b, nil
}

// replaceFile makes name hold b, durably: whatever crash follows, name has the
// old content or the new one. The directory is synced unless the caller will.
func replaceFile(fsys vfs.FS, name string, b []byte, syncDir bool) error {
	tmp := name + tmpSuffix
	f, err := fsys.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = unsyncable(f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	if !syncDir {
		return nil
	}
	return unsyncable(fsys.SyncDir(path.Dir(name)))
}

// readCheckpoint reads an offset checkpoint. A missing one is empty, a malformed
// one reported, and nil.
func (s *Store) readCheckpoint(name string) offsetCheckpoint {
	text, err := readFile(s.fs, s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return offsetCheckpoint{}
	}
	var c offsetCheckpoint
	if err == nil {
		c, err = decodeOffsetCheckpoint(text)
		s.checkpoints.written[name] = text
	}
	if err != nil {
		s.emit(CheckpointIgnored{name, err})
		return nil
	}
	return c
}

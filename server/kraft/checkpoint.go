package kraft

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

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// The checkpoint files of a log directory, each with an offset for logs.
const (
	RecoveryPoints = "recovery-point-offset-checkpoint" // flushed up to here
	StartOffsets   = "log-start-offset-checkpoint"      // where that is not the first segment's
	HighWatermarks = "replication-offset-checkpoint"    //
	CleanerOffsets = "cleaner-offset-checkpoint"        // compacted up to here
	CleanShutdown  = ".kafka_cleanshutdown"             // no checkpoint: there after a clean close
	checkpointMax  = 64 << 20                           // bytes
	partitionFile  = "partition.metadata"               // in a partition's directory
	versionLine    = "0"                                // of every text file of Kafka's
)

// CleanText is the content of CleanShutdown: the epoch in which the broker was
// closed cleanly, -1 for none. Kafka takes a broker that does not know its last
// epoch for one that crashed.
func CleanText(brokerEpoch int64) string {
	return fmt.Sprintf(`{"version":0,"brokerEpoch":%d}`, brokerEpoch)
}

// OffsetCheckpoint is what a checkpoint file says.
type OffsetCheckpoint map[logstore.TopicPartition]int64

// ReadCheckpoint reads a checkpoint file in dir, which is empty if it is not
// there.
func ReadCheckpoint(fsys vfs.FS, dir, name string) (OffsetCheckpoint, error) {
	text, err := readText(fsys, path.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return OffsetCheckpoint{}, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := parseCheckpoint(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path.Join(dir, name), err)
	}
	return c, nil
}

func parseCheckpoint(text string) (OffsetCheckpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 2 || lines[0] != versionLine {
		return nil, errors.New("it does not begin with the version 0 and a count")
	}
	n, err := strconv.Atoi(lines[1])
	if err != nil || n != len(lines)-2 {
		return nil, fmt.Errorf("it has %d entries, and says %s", len(lines)-2, lines[1])
	}
	c := OffsetCheckpoint{}
	for _, line := range lines[2:] {
		f := strings.Split(line, " ")
		if len(f) != 3 {
			return nil, fmt.Errorf("line %q is not topic, partition and offset", line)
		}
		partition, err1 := strconv.ParseInt(f[1], 10, 32)
		offset, err2 := strconv.ParseInt(f[2], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		c[logstore.TopicPartition{Topic: f[0], Partition: int32(partition)}] = offset
	}
	return c, nil
}

// Write writes the checkpoint file into dir, durably but for its name.
func (c OffsetCheckpoint) Write(fsys vfs.FS, dir, name string) error {
	lines := make([]string, 0, len(c))
	for tp, offset := range c {
		lines = append(lines, fmt.Sprintf("%s %d %d\n", tp.Topic, tp.Partition, offset))
	}
	slices.Sort(lines)
	text := fmt.Sprintf("%s\n%d\n%s", versionLine, len(lines), strings.Join(lines, ""))
	return WriteText(fsys, path.Join(dir, name), text)
}

// WriteText writes a new file, durably but for its name.
func WriteText(fsys vfs.FS, name, text string) error {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func readText(fsys vfs.FS, name string) (string, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	size, err := f.Size()
	if err == nil && size > checkpointMax {
		err = fmt.Errorf("%s has %d bytes", name, size)
	}
	var text bytes.Buffer
	if err == nil {
		_, err = io.Copy(&text, io.NewSectionReader(f, 0, size))
	}
	return text.String(), errors.Join(err, f.Close())
}

// PartitionTopicID reads the topic id that a partition's directory says it is
// of; ok is false where it says none.
func PartitionTopicID(fsys vfs.FS, dir string) (id UUID, ok bool, err error) {
	name := path.Join(dir, partitionFile)
	text, err := readText(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); {
		case key == "version" && value != versionLine:
			return id, false, fmt.Errorf("%s: version %q", name, value)
		case key == "topic_id":
			if id, err = ParseUUID(value); err != nil {
				return id, false, fmt.Errorf("%s: %w", name, err)
			}
			return id, id != UUID{}, nil
		}
	}
	return id, false, fmt.Errorf("%s names no topic id", name)
}

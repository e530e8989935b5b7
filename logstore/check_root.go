package logstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"moldau/logstore/manifest"
)

const metaPropertiesFile = "meta.properties"

var offsetCheckpointFiles = []string{recoveryPointFile, startOffsetFile, highWatermarkFile, cleanerOffsetFile}

// rootFiles are the other files of a log directory: Kafka's lock, its
// bootstrap records, and ours.
var rootFiles = []string{lockFile, cleanShutdownFile, metaPropertiesFile, "bootstrap.checkpoint"}

// checkedRoot is what a log directory's own files tell about its partitions.
type checkedRoot struct {
	clean       bool
	manifest    bool                                  // checkpoints are what our manifest says
	checkpoints map[string]offsetCheckpoint           // by file name; nil where it cannot be read
	quarantined offsetCheckpoint                      // logs that take no appends, and what was acknowledged of them
	resting     map[TopicPartition][]manifest.Segment // what logs at rest are opened by, unseen

	halfRepaired bool // our manifest was set aside, and files may have changed that it describes
}

// contradicted calls f with each segment of a log at rest that is not there, or is
// shorter than a start will take it for.
func (r *checkedRoot) contradicted(p *partitionFiles, f func(file, why string)) {
	for _, s := range r.resting[p.tp] {
		name := segmentFileName(s.Base, logSuffix)
		switch bytes := p.bytes[s.Base]; {
		case !p.names[name]:
			f(p.file(name), "is gone, and the manifest has it")
		case bytes < s.Bytes:
			f(p.file(name), fmt.Sprintf("has %d bytes, by the manifest %d", bytes, s.Bytes))
		}
	}
}

// offset is what a checkpoint says of a partition.
func (r *checkedRoot) offset(file string, tp TopicPartition) (int64, bool) {
	offset, ok := r.checkpoints[file][tp]
	return offset, ok
}

type findFunc func(s Severity, file string, offset int64, format string, args ...any)

// readRoot reads the files that every partition of dir is judged by. find may
// be nil.
func (c *checker) readRoot(dir string, find findFunc) checkedRoot {
	if find == nil {
		find = func(Severity, string, int64, string, ...any) {}
	}
	root := checkedRoot{checkpoints: map[string]offsetCheckpoint{}}
	if text, err := readFile(c.fs, path.Join(dir, cleanShutdownFile)); err == nil {
		root.clean = true
		var marker struct{ Version *int }
		if json.Unmarshal(text, &marker) != nil || marker.Version == nil {
			find(Note, path.Join(dir, cleanShutdownFile), 0, "holds no version; its presence counts")
		}
	}
	for _, file := range offsetCheckpointFiles {
		name := path.Join(dir, file)
		text, err := readFile(c.fs, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		checkpoint, decodeErr := decodeOffsetCheckpoint(text)
		if err = errors.Join(err, decodeErr); err != nil {
			find(Fault, name, 0, "%v", err)
			checkpoint = nil
		}
		root.checkpoints[file] = checkpoint
	}
	c.readManifest(dir, &root, find)
	return root
}

// readManifest takes what our manifest says, where it holds, for what the
// checkpoint files say: those are written for Kafka, now and then.
func (c *checker) readManifest(dir string, root *checkedRoot, find findFunc) {
	if path.Base(dir) != logsDir {
		return
	}
	own := path.Join(path.Dir(dir), ownDir)
	name, effect := path.Join(own, manifest.FileName), "a start reads every log instead, and writes it anew"
	st, torn, err := manifest.Read(c.fs, own)
	if root.halfRepaired = errors.Is(err, ErrHalfRepaired); root.halfRepaired {
		name, effect = path.Join(own, manifest.AsideName), "what it said of the logs is lost"
		find(Fault, name, 0, "%v: no start opens the store before it is repaired once more", err)
		st, torn, err = manifest.ReadAside(c.fs, own)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid): // there is none, or above what is looked at
		return
	case err != nil:
		find(Note, name, 0, "%v: %s", err, effect)
		return
	case torn:
		find(Note, name, 0, "torn: the last changes were not synced, and do not count")
	}
	points, there := root.checkpoints[recoveryPointFile]
	_, marked := points[ownMark]
	keptByUs := marked || there && points == nil
	if st.Closed != root.clean || !root.clean && !keptByUs {
		return // another program was here since
	}
	if info, err := c.fs.Stat(path.Join(dir, cleanShutdownFile)); root.clean && (err != nil || markerOf(info) != st.Marker) {
		return
	}
	root.manifest = true
	recovery, start, high, cleaner := offsetCheckpoint{}, offsetCheckpoint{}, offsetCheckpoint{}, offsetCheckpoint{}
	root.quarantined, root.resting = offsetCheckpoint{}, map[TopicPartition][]manifest.Segment{}
	for name, row := range st.Rows {
		if tp, ok := parseDir(name); ok {
			recovery[tp], start[tp], high[tp] = row.Recovery, row.Start, row.High
			if row.Cleaned > 0 {
				cleaner[tp] = row.Cleaned
			}
			if row.Quarantined {
				root.quarantined[tp] = row.Synced
			}
			if !row.Dirty {
				root.resting[tp] = row.Segments
			}
		}
	}
	root.checkpoints[recoveryPointFile], root.checkpoints[startOffsetFile], root.checkpoints[highWatermarkFile] = recovery, start, high
	root.checkpoints[cleanerOffsetFile] = cleaner
}

// rootFile examines a file of a log directory that readRoot does not.
func (c *checker) rootFile(name string) {
	file := path.Base(name)
	switch {
	case file == metaPropertiesFile:
		if err := c.metaProperties(name); err != nil {
			c.find(Fault, name, 0, "%v", err)
		}
	case slices.Contains(rootFiles, file), slices.Contains(offsetCheckpointFiles, file):
	case strings.HasSuffix(file, ".tmp"):
		c.find(Note, name, 0, "left over from writing %s", strings.TrimSuffix(file, ".tmp"))
	default:
		c.find(Note, name, 0, "unknown file")
	}
}

// metaProperties wants what Kafka insists on: a version it knows and, in
// version 1, the ids of cluster and node.
func (c *checker) metaProperties(name string) error {
	text, err := readFile(c.fs, name)
	if err != nil {
		return err
	}
	properties := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("line %q is no property", line)
		}
		properties[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	var wanted []string
	switch v := properties["version"]; v {
	case "0":
	case "1":
		wanted = []string{"cluster.id", "node.id"}
	default:
		return fmt.Errorf("version is %q, want 0 or 1", v)
	}
	for _, key := range wanted {
		if properties[key] == "" {
			return fmt.Errorf("%s is missing", key)
		}
	}
	return nil
}

package kraft

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"moldau/logstore/vfs"
)

// MetaPropertiesFile tells whose log directory it lies in.
const MetaPropertiesFile = "meta.properties"

const metaPropertiesBytesMax = 64 << 10

// MetaProperties is what meta.properties says.
type MetaProperties struct {
	ClusterID   string
	NodeID      int32
	DirectoryID string // empty before Kafka 3.7
}

// ReadMetaProperties reads the file in the log directory dir; nil if there is
// none.
func ReadMetaProperties(fsys vfs.FS, dir string) (*MetaProperties, error) {
	name := path.Join(dir, MetaPropertiesFile)
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil && size > metaPropertiesBytesMax {
		err = fmt.Errorf("it has %d bytes", size)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.NewSectionReader(f, 0, size))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	m, err := parseMetaProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func parseMetaProperties(text []byte) (*MetaProperties, error) {
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("line %q is not key=value", line)
		}
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if v := values["version"]; v != "1" {
		return nil, fmt.Errorf("version is %q, want 1", v)
	}
	id, err := strconv.ParseInt(values["node.id"], 10, 32)
	if err != nil || id < 0 {
		return nil, fmt.Errorf("node.id is %q", values["node.id"])
	}
	if values["cluster.id"] == "" {
		return nil, errors.New("cluster.id is missing")
	}
	return &MetaProperties{ClusterID: values["cluster.id"], NodeID: int32(id), DirectoryID: values["directory.id"]}, nil
}

// Write puts the file in place in dir, durably; it is there as a whole or not at
// all.
func (m *MetaProperties) Write(fsys vfs.FS, dir string) error {
	text := fmt.Sprintf("#\nnode.id=%d\ndirectory.id=%s\nversion=1\ncluster.id=%s\n", m.NodeID, m.DirectoryID, m.ClusterID)
	name := path.Join(dir, MetaPropertiesFile)
	tmp := name + ".tmp"
	f, err := fsys.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// NewDirectoryID draws a UUID, one whose text does not look like a command line
// flag.
func NewDirectoryID() string {
	for {
		var id UUID
		rand.Read(id[:])
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if s := id.String(); s[0] != '-' {
			return s
		}
	}
}

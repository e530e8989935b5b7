package server

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"moldau/logstore/vfs"
)

const (
	metaPropertiesFile     = dataLogs + "/meta.properties"
	metaPropertiesBytesMax = 64 << 10
)

// metaProperties is Kafka's meta.properties: whose log directory this is.
type metaProperties struct {
	clusterID   string
	nodeID      int32
	directoryID string
}

// readMetaProperties reads the file; nil if there is none.
func readMetaProperties(fsys vfs.FS) (*metaProperties, error) {
	f, err := fsys.OpenFile(metaPropertiesFile, os.O_RDONLY, 0)
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
		return nil, fmt.Errorf("read %s: %w", metaPropertiesFile, err)
	}
	m, err := parseMetaProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metaPropertiesFile, err)
	}
	return m, nil
}

func parseMetaProperties(text []byte) (*metaProperties, error) {
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
	return &metaProperties{clusterID: values["cluster.id"], nodeID: int32(id), directoryID: values["directory.id"]}, nil
}

// check refuses a directory of another cluster or broker: its logs would be
// served under the wrong topics.
func (m *metaProperties) check(nodeID int32, clusterID string) error {
	switch {
	case m.nodeID != nodeID:
		return fmt.Errorf("%s: the data belongs to node.id %d, not %d", metaPropertiesFile, m.nodeID, nodeID)
	case clusterID != "" && m.clusterID != clusterID:
		return fmt.Errorf("%s: the data belongs to cluster %s, not %s", metaPropertiesFile, m.clusterID, clusterID)
	}
	return nil
}

// write puts the file in place, durably; it is there as a whole or not at all.
func (m *metaProperties) write(fsys vfs.FS) error {
	text := fmt.Sprintf("#\nnode.id=%d\ndirectory.id=%s\nversion=1\ncluster.id=%s\n", m.nodeID, m.directoryID, m.clusterID)
	const tmp = metaPropertiesFile + ".tmp"
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
	if err := fsys.Rename(tmp, metaPropertiesFile); err != nil {
		return err
	}
	return fsys.SyncDir(dataLogs)
}

// newDirectoryID draws a UUID in Kafka's text form, one that does not look like
// a command line flag.
func newDirectoryID() string {
	for {
		var id [16]byte
		rand.Read(id[:])
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if s := base64.RawURLEncoding.EncodeToString(id[:]); s[0] != '-' {
			return s
		}
	}
}

package server

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const metaPropertiesFile = "meta.properties"

// metaProperties is Kafka's meta.properties: whose log directory this is.
type metaProperties struct {
	clusterID   string
	nodeID      int32
	directoryID string
}

// readMetaProperties reads the file in dir; nil if there is none.
func readMetaProperties(dir string) (*metaProperties, error) {
	path := filepath.Join(dir, metaPropertiesFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := parseMetaProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
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
func (m *metaProperties) check(dir string, nodeID int32, clusterID string) error {
	switch {
	case m.nodeID != nodeID:
		return fmt.Errorf("%s belongs to node.id %d, not %d", dir, m.nodeID, nodeID)
	case clusterID != "" && m.clusterID != clusterID:
		return fmt.Errorf("%s belongs to cluster %s, not %s", dir, m.clusterID, clusterID)
	}
	return nil
}

// write puts the file in place, durably, under a name that is whole or absent.
func (m *metaProperties) write(dir string) error {
	text := fmt.Sprintf("#\nnode.id=%d\ndirectory.id=%s\nversion=1\ncluster.id=%s\n", m.nodeID, m.directoryID, m.clusterID)
	path := filepath.Join(dir, metaPropertiesFile)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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

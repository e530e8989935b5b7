package dumplog

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// segmentName is a file that DumpLogSegments understands: a base offset of 20
// digits and the suffix that selects the reader. Checkpoints (".checkpoint")
// are the metadata log's snapshots.
var segmentName = regexp.MustCompile(`^\d{20}(-\d{10})?\.(log|index|timeindex|snapshot|txnindex|checkpoint)$`)

// partition is one directory and its files, by suffix.
type partition struct {
	dir   string
	files map[string][]string
}

// topic is the directory's name without the partition's number.
func (p *partition) topic() string { return topicOf(p.dir) }

func topicOf(dir string) string {
	name := filepath.Base(dir)
	if cut := strings.LastIndexByte(name, '-'); cut > 0 {
		return name[:cut]
	}
	return name
}

// find collects the partitions below the given directories, each of which is a
// partition itself or a log directory.
func find(dirs []string) ([]*partition, error) {
	var found []*partition
	for _, dir := range dirs {
		p, err := open(dir)
		if err != nil {
			return nil, err
		}
		if p != nil {
			found = append(found, p)
			continue
		}
		children, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		before := len(found)
		for _, child := range children {
			if !child.IsDir() || abandoned(child.Name()) {
				continue
			}
			p, err := open(filepath.Join(dir, child.Name()))
			if err != nil {
				return nil, err
			}
			if p != nil {
				found = append(found, p)
			}
		}
		// A check of nothing must not pass: the path is probably wrong.
		if len(found) == before {
			return nil, fmt.Errorf("%s: no segment files in it or in its directories", dir)
		}
	}
	return found, nil
}

// abandoned names directories that are on their way out, or not yet in.
func abandoned(name string) bool {
	return strings.HasSuffix(name, "-delete") || strings.HasSuffix(name, "-stray") || strings.HasSuffix(name, "-future")
}

func open(dir string) (*partition, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if strings.Contains(dir, ",") {
		return nil, fmt.Errorf("%s: the tool separates files by commas, the path must not hold one", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &partition{dir: dir, files: map[string][]string{}}
	for _, e := range entries {
		if m := segmentName.FindStringSubmatch(e.Name()); m != nil {
			p.files[m[2]] = append(p.files[m[2]], filepath.Join(dir, e.Name()))
		}
	}
	if len(p.files["log"]) == 0 {
		return nil, nil
	}
	for _, files := range p.files {
		sort.Strings(files)
	}
	return p, nil
}

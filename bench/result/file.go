package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// fileName is what a run's figures are called in its directory.
const fileName = "run.json"

// Save writes the run into dir, in one step: who reads it finds a whole one.
func (r *Run) Save(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	next := filepath.Join(dir, fileName+".next")
	if err := os.WriteFile(next, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, fileName))
}

// Load reads a run: path is its directory or its file.
func Load(path string) (*Run, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, fileName)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Run
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}

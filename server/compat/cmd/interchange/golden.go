package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// golden writes a small log directory that Kafka closed cleanly to an archive,
// with what a broker on it holds: for tests that have no Kafka.
func (s *stage) golden(ctx context.Context, file string) error {
	l := s.kafka("golden", "log.cleaner.backoff.ms=200", "log.cleaner.min.cleanable.ratio=0.01")
	err := visit(ctx, l, func() error {
		w := &writer{addr: l.Addr(), random: rand.New(rand.NewPCG(1, 2)), scale: 1}
		return errors.Join(w.all(ctx), awaitCleaner(ctx, l.LogDir()))
	})
	if err != nil {
		return err
	}
	h, err := s.held(ctx, s.kafka("golden", quiet), nil, false)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(h, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(l.Dir, "holding.json"), append(text, '\n'), 0o644)
	}
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(archive(z, l.Dir), z.Close(), f.Close())
}

func archive(z *gzip.Writer, dir string) error {
	// Not the whole of it: the broker's own files lie there, too.
	only := filepath.Join(filepath.Dir(dir), "archived")
	if err := os.MkdirAll(only, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"data", "holding.json"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(only, name)); err != nil {
			return err
		}
	}
	t := tar.NewWriter(z)
	return errors.Join(t.AddFS(os.DirFS(only)), t.Close())
}

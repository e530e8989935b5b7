package limit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"moldau/logstore/record"
)

// ServeSpread answers Produce 8 on every connection of l until ctx is done. Each
// partition's batches go to a file of its own in dir, which the caller removes; it stays
// open.
func ServeSpread(ctx context.Context, l net.Listener, dir string) error {
	s := &spread{dir: dir, topics: map[string]map[int32]*File{}}
	keep := func(b, frame []byte) ([]byte, error) { return appendAck(b, frame, s.take) }
	err := serve(ctx, l, func(nc net.Conn) error { return ingest(nc, keep, atOnce) })
	return errors.Join(err, s.close())
}

type spread struct {
	dir string

	mu     sync.Mutex
	topics map[string]map[int32]*File // under mu
	files  int                        // under mu
}

func (s *spread) take(topic []byte, partition int32, batch record.Batch) error {
	f, err := s.file(topic, partition)
	if err != nil {
		return err
	}
	return f.Append(batch)
}

func (s *spread) file(topic []byte, partition int32) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	partitions := s.topics[string(topic)]
	if f := partitions[partition]; f != nil {
		return f, nil
	}
	f, err := CreateFile(filepath.Join(s.dir, fmt.Sprintf("spread-%d", s.files)))
	if err != nil {
		return nil, err
	}
	if partitions == nil {
		partitions = map[int32]*File{}
		s.topics[string(topic)] = partitions
	}
	partitions[partition] = f
	s.files++
	return f, nil
}

func (s *spread) close() (err error) {
	for _, partitions := range s.topics {
		for _, f := range partitions {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

package controller

import (
	"errors"
	"fmt"

	"moldau/logstore"
	"moldau/server/metadata"
)

// ErrFounded tells that a store has a metadata log already.
var ErrFounded = errors.New("the store has a metadata log already")

// Found writes the commands that a cluster begins with into a store without a
// metadata log, and makes them durable: for whoever brings topics along from
// elsewhere, with ids of their own. All of them can be applied, or none is
// written. A crash leaves the first of them.
func Found(s *logstore.Store, clock Clock, commands [][]metadata.Record) error {
	if clock == nil {
		clock = systemClock{}
	}
	if _, err := s.Log(metadataLog); !errors.Is(err, logstore.ErrNotFound) {
		return errors.Join(ErrFounded, err)
	}
	img := metadata.NewImage()
	for _, records := range commands {
		if err := rehearse(img, records); err != nil {
			return fmt.Errorf("controller: found a cluster: %w", err)
		}
		var err error
		if img, err = img.Apply(img.Offset()+1, records); err != nil {
			return fmt.Errorf("controller: found a cluster: %w", err)
		}
	}
	journal, err := openLogJournal(s, clock)
	if err != nil {
		return err
	}
	for _, records := range commands {
		if _, err := journal.Propose(records); err != nil {
			return err
		}
	}
	return nil
}

// ReadImage is the cluster that a store holds, as it is after the last command.
// Nothing is registered and nothing written, so the store may be read-only.
func ReadImage(s *logstore.Store) (*metadata.Image, error) {
	log, err := s.Log(metadataLog)
	if err != nil {
		return nil, fmt.Errorf("controller: open the metadata log: %w", err)
	}
	if err := log.Err(); err != nil {
		return nil, fmt.Errorf("controller: open the metadata log: %w", err)
	}
	img := metadata.NewImage()
	err = (&logJournal{log: log}).Replay(func(base int64, records []metadata.Record) (err error) {
		img, err = img.Apply(base, records)
		return err
	})
	return img, err
}

package controller

import (
	"context"
	"errors"
	"fmt"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/metadata"
)

// Journal is where commands become durable. Its methods are called by one
// goroutine at a time.
type Journal interface {
	// Replay calls apply with all records there are, in order; base is the offset
	// of the first of those handed over, which are whole commands. It stops at
	// apply's error and returns it.
	Replay(apply func(base int64, records []metadata.Record) error) error
	// Propose makes one command durable, all of its records or none, and returns
	// the first one's offset. ErrPolicy wrapped tells that the command can never
	// be taken; after any other error it may be durable or not.
	Propose(records []metadata.Record) (base int64, err error)
}

const (
	// replayBytes is how much of the log is read, decoded and applied at once.
	replayBytes = 4 << 20
	// commandBytesMax bounds one command: over 10,000 topics with several configs
	// each. It must fit a batch, and a batch must fit memory at every start.
	commandBytesMax = 64 << 20
)

// metadataLog is what the log is called in its store, and its topic id, which
// tells a directory of it from one of a topic with that name.
var (
	metadataLog   = logstore.TopicPartition{Topic: "__metadata", Partition: 0}
	metadataLogID = logstore.TopicID{15: 2}
)

// logJournal is a log of our own engine: one command is one batch.
type logJournal struct {
	log     *logstore.Log
	clock   Clock
	builder *record.Builder
	value   []byte
	// failed is why nothing is proposed any more, nil if all is well.
	failed error
}

// LogConfig is that of the metadata log, from which nothing goes. A store is opened with
// it, too: retention looks at a log as soon as that is open.
func LogConfig() logstore.Config {
	c := logstore.DefaultConfig()
	c.Durability = logstore.Synced
	c.Delete, c.Compact = false, false
	c.RetentionMs, c.RetentionBytes = -1, -1
	c.MaxMessageBytes = commandBytesMax
	return c
}

func openLogJournal(s *logstore.Store, clock Clock) (*logJournal, error) {
	c := LogConfig()
	log, err := s.Log(metadataLog)
	switch {
	case errors.Is(err, logstore.ErrNotFound):
		log, err = s.Create(metadataLog, metadataLogID, c)
	case err == nil && log.Err() == nil && log.ID() == logstore.TopicID{} && log.Offset(logstore.LogEnd) == 0:
		err = log.AssignID(metadataLogID) // its creation was cut short
	}
	if err != nil {
		return nil, fmt.Errorf("controller: open the metadata log: %w", err)
	}
	// Without an id it is what a lost manifest leaves of a log that had no checkpoint;
	// another's batches are no commands.
	if id := log.ID(); id != metadataLogID && id != (logstore.TopicID{}) {
		return nil, fmt.Errorf("controller: directory %s holds a topic, id %s, where the metadata log belongs", metadataLog, log.ID())
	}
	if err := log.Configure(c); err != nil {
		return nil, fmt.Errorf("controller: configure the metadata log: %w", err)
	}
	return &logJournal{log: log, clock: clock, builder: record.NewBuilder(record.BuilderOptions{})}, nil
}

func (j *logJournal) Propose(records []metadata.Record) (int64, error) {
	if j.failed != nil {
		return 0, j.failed
	}
	batch, err := j.encode(records)
	if err != nil {
		return 0, err
	}
	appended, err := j.log.AppendLeader(batch, 0)
	if errors.Is(err, logstore.ErrTooLarge) || errors.Is(err, logstore.ErrTooLargeForSegment) {
		return 0, Refuse(ErrPolicy, "The request changes too much at once.")
	}
	if err != nil {
		return 0, fmt.Errorf("controller: append to the metadata log: %w", err)
	}
	// Not the caller's context: what is appended will be durable or the log is
	// broken, and to stop waiting would not take it back.
	if err := j.log.Wait(context.Background(), logstore.Durable, appended.Last+1); err != nil {
		j.failed = fmt.Errorf("controller: sync the metadata log: %w", err)
		return 0, j.failed
	}
	return appended.First, nil
}

func (j *logJournal) encode(records []metadata.Record) (record.Batch, error) {
	j.builder.Reset(record.BuilderOptions{})
	now := j.clock.Now().UnixMilli()
	for _, r := range records {
		j.value = metadata.AppendRecord(j.value[:0], r)
		j.builder.Append(now, nil, j.value)
		if j.builder.Size() > commandBytesMax {
			return nil, Refuse(ErrPolicy, "The request changes too much at once.")
		}
	}
	batch, err := j.builder.Finish()
	if err != nil {
		return nil, fmt.Errorf("controller: build a batch: %w", err)
	}
	return batch, nil
}

func (j *logJournal) Replay(apply func(int64, []metadata.Record) error) error {
	var (
		fetch logstore.Fetch
		buf   []byte
		start = j.log.StartOffset()
		from  = start
	)
	if start > 0 && start == j.log.Offset(logstore.LogEnd) {
		return beheaded(start)
	}
	for from < j.log.Offset(logstore.LogEnd) {
		var err error
		if buf, err = j.read(&fetch, from, buf); err != nil {
			return fmt.Errorf("controller: read the metadata log at offset %d: %w", from, err)
		}
		next, records, err := decodeBatches(buf, from)
		if err != nil {
			return err
		}
		// A cluster's first record is its id. A log that does not begin with it has lost
		// its beginning.
		if _, whole := records[0].(*metadata.ClusterRecord); !whole && from == start && start > 0 {
			return beheaded(start)
		}
		if err := apply(from, records); err != nil {
			return fmt.Errorf("controller: metadata log %s: %w", metadataLog, err)
		}
		from = next
	}
	return nil
}

func beheaded(start int64) error {
	return fmt.Errorf("controller: metadata log %s begins at offset %d, and what was before it is nowhere else: restore its directory from a backup", metadataLog, start)
}

// read copies what a fetch plans from offset on. Copied, since records are
// decoded once and sections may lie in many files.
func (j *logJournal) read(f *logstore.Fetch, from int64, buf []byte) ([]byte, error) {
	if err := j.log.Read(f, from, logstore.LogEnd, replayBytes, true); err != nil {
		return buf, err
	}
	defer f.Release()
	buf = append(buf[:0], make([]byte, f.Bytes)...)
	at := 0
	for _, s := range f.Sections {
		if _, err := s.File.ReadAt(buf[at:at+s.Length], s.Offset); err != nil {
			return buf, err
		}
		at += s.Length
	}
	return buf, nil
}

// decodeBatches decodes the whole batches in b, of which the first has the
// offset from, and returns the offset behind the last.
func decodeBatches(b []byte, from int64) (next int64, records []metadata.Record, err error) {
	next = from
	corrupt := func(offset int64, err error) error {
		return fmt.Errorf("controller: metadata log %s is damaged at offset %d: %w", metadataLog, offset, err)
	}
	for len(b) > 0 {
		batch, rest, err := record.Next(b)
		if errors.Is(err, record.ErrShort) && next > from {
			break
		}
		if err == nil {
			err = batch.Check()
		}
		if err != nil {
			return 0, nil, corrupt(next, err)
		}
		for r, err := range batch.Records(commandBytesMax) {
			if err != nil {
				return 0, nil, corrupt(next, err)
			}
			if r.Offset != from+int64(len(records)) {
				return 0, nil, corrupt(r.Offset, fmt.Errorf("%d records are before it, from offset %d on", len(records), from))
			}
			decoded, err := metadata.DecodeRecord(r.Value)
			if err != nil {
				return 0, nil, corrupt(r.Offset, err)
			}
			records = append(records, decoded)
		}
		next, b = batch.LastOffset()+1, rest
		if there := from + int64(len(records)); there < next {
			// As a repair leaves it: the offsets are taken, what had them is gone.
			return 0, nil, corrupt(there, fmt.Errorf("the batch up to %d has no record of it: restore the log's directory from a backup", next-1))
		}
	}
	if next == from {
		return 0, nil, corrupt(from, errors.New("there is no whole batch"))
	}
	return next, records, nil
}

package interchange

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"moldau/logstore"
	"moldau/server/controller"
	"moldau/server/kraft"
	"moldau/server/metadata"
)

const importReceipt = dataOwn + "/import.json"

// Import makes target a data directory of what a Kafka node left in its log
// directories: all of them, and with them that of its metadata log. The receipt
// is returned with an error, too, as far as it came; it is kept in the target as
// moldau/import.json.
//
// Errors wrap ErrInUse, ErrSource, ErrTarget, ErrMissing, ErrDamaged, or are of
// the file system.
func Import(dirs []string, target string, o Options) (*Receipt, error) {
	target = filepath.Clean(target)
	r := newReceipt("import", target, &o, dirs...)
	s, err := openSource(dirs, r)
	if err != nil {
		return r, err
	}
	r.ClusterID, r.NodeID, r.Clean, r.NextProducerID = s.meta.ClusterID, s.meta.NodeID, s.clean, s.img.NextProducerID
	p, err := s.plan(&o, r)
	if err == nil {
		err = s.build(p, target, &o, r)
	}
	return r, errors.Join(err, s.Close())
}

// build makes the target beside its place, puts it there, and then only takes the
// source out of service, if that is asked for. A dry run only looks at the place.
func (s *source) build(p *importPlan, target string, o *Options, r *Receipt) error {
	at, err := findTarget(target, s.paths()...)
	if err != nil || o.DryRun {
		return err
	}
	b, err := beginBuild(at, s.dirs[0].path)
	if err != nil {
		return err
	}
	if err := s.fill(b, p, o, r); err != nil {
		return errors.Join(err, b.abandon())
	}
	if err := b.finish(); err != nil {
		return err
	}
	if o.Method == Move {
		return s.retire(p)
	}
	return nil
}

func (s *source) fill(b *build, p *importPlan, o *Options, r *Receipt) error {
	for _, dir := range []string{dataLogs, dataOwn} {
		if err := b.mkdir(dir, b.like); err != nil {
			return err
		}
	}
	if err := b.bring(p.taken, o); err != nil {
		return err
	}
	if err := s.writeBeside(b, p); err != nil {
		return err
	}
	store, err := openLogs(b, o, r)
	if err != nil {
		return err
	}
	if err := errors.Join(s.takeStock(store, p, r), store.Close()); err != nil {
		return err
	}
	if err := s.found(b, p, o); err != nil {
		return err
	}
	meta := s.meta
	if meta.DirectoryID == "" {
		meta.DirectoryID = kraft.NewDirectoryID()
	}
	if err := meta.Write(b.fsys, dataLogs); err != nil {
		return err
	}
	text, err := r.encode()
	if err != nil {
		return err
	}
	if err := errors.Join(kraft.WriteText(b.fsys, importReceipt, text), b.fsys.SyncDir(dataOwn)); err != nil {
		return err
	}
	return b.verify(o)
}

// writeBeside writes what Kafka's checkpoints say of the logs, and that they were
// closed cleanly, if all were.
func (s *source) writeBeside(b *build, p *importPlan) error {
	taken := map[string]bool{}
	for _, at := range p.taken {
		taken[filepath.Base(at.to)] = true
	}
	for name, from := range map[string]kraft.OffsetCheckpoint{
		kraft.RecoveryPoints: s.recovery, kraft.StartOffsets: s.start, kraft.HighWatermarks: s.high, kraft.CleanerOffsets: s.cleaner,
	} {
		c := kraft.OffsetCheckpoint{}
		for tp, offset := range from {
			if taken[tp.String()] {
				c[tp] = offset
			}
		}
		if len(c) == 0 {
			continue
		}
		if err := c.Write(b.fsys, dataLogs, name); err != nil {
			return err
		}
	}
	if !s.clean {
		return nil
	}
	return kraft.WriteText(b.fsys, dataLogs+"/"+kraft.CleanShutdown, kraft.CleanText(-1))
}

// takeStock looks at each log as it is in the target, and refuses one that is not
// whole. One that was missing is made.
func (s *source) takeStock(store *logstore.Store, p *importPlan, r *Receipt) error {
	for _, t := range p.topics {
		for n := range t.receipt.Partitions {
			at := &t.receipt.Partitions[n]
			tp := logstore.TopicPartition{Topic: t.Name, Partition: at.Partition}
			log, err := store.Log(tp)
			if errors.Is(err, logstore.ErrNotFound) && at.From == "" {
				log, err = store.Create(tp, logstore.TopicID(t.ID), keep())
			}
			if err == nil {
				err = log.Err()
			}
			if err != nil {
				return fmt.Errorf("%w: %s: %w: 'moldau log verify' tells what is wrong, and 'moldau log repair' mends it", ErrDamaged, at.From, err)
			}
			if at.From != "" {
				if err := s.checkWhole(t, tp, log, r); err != nil {
					return err
				}
			}
			at.Start, at.End = log.StartOffset(), log.Offset(logstore.LogEnd)
			at.LeaderEpoch = max(at.LeaderEpoch, log.LatestEpoch())
			for _, open := range log.OpenTransactions() {
				r.OpenTransactions = append(r.OpenTransactions, OpenTransaction{tp.String(), open.ProducerID, open.First})
			}
		}
	}
	if len(r.OpenTransactions) > 0 {
		r.note("%d transactions have no end yet, and there is no coordinator here that could end them: readers of committed records stop there", len(r.OpenTransactions))
	}
	return p.tellOfGroups(store, r)
}

// commandTopics is how many topics are created by one command.
const commandTopics = 500

// found writes the cluster's metadata.
func (s *source) found(b *build, p *importPlan, o *Options) error {
	commands := [][]metadata.Record{{&metadata.ClusterRecord{ClusterID: s.meta.ClusterID}}}
	for topics := range slices.Chunk(p.topics, commandTopics) {
		var records []metadata.Record
		for _, t := range topics {
			records = append(records, t.records(s.meta.NodeID)...)
		}
		commands = append(commands, records)
	}
	var records []metadata.Record
	for name, all := range p.brokers {
		records = append(records, configRecords(metadata.ResourceBroker, name, all)...)
	}
	if s.img.NextProducerID > 0 {
		records = append(records, &metadata.ProducerIDsRecord{Broker: s.meta.NodeID, Next: s.img.NextProducerID})
	}
	if len(records) > 0 {
		commands = append(commands, records)
	}
	store, err := logstore.Open(filepath.ToSlash(metadataStore), logstore.Options{FS: b.fsys, Clock: o.Clock, Manual: true, JournalBytes: 8 << 20, JournalFileBytes: 4 << 20})
	if err != nil {
		return err
	}
	return errors.Join(controller.Found(store, o.Clock, commands), store.Close())
}

// records create the topic, led by the one node that there is.
func (t *plannedTopic) records(node int32) []metadata.Record {
	id := metadata.TopicID(t.ID)
	records := []metadata.Record{&metadata.TopicRecord{Name: t.Name, ID: id, Internal: t.receipt.Internal}}
	records = append(records, configRecords(metadata.ResourceTopic, t.Name, t.configs)...)
	alone := []int32{node}
	partitions := make([]metadata.Partition, len(t.Partitions))
	for n := range partitions {
		partitions[n] = metadata.Partition{
			Leader: node, LeaderEpoch: max(t.receipt.Partitions[n].LeaderEpoch, 0), PartitionEpoch: max(t.Partitions[n].PartitionEpoch, 0),
			Replicas: alone, ISR: alone,
		}
	}
	return append(records, &metadata.PartitionsRecord{TopicID: id, Partitions: partitions})
}

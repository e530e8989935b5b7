package interchange

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moldau/logstore"
	"moldau/server/kraft"
	"moldau/server/metadata"
)

// ownConfigs begins the names of configs that Kafka has not.
const ownConfigs = "moldau."

// plan decides what is written.
func (x *export) plan(o *Options, r *Receipt) error {
	x.out.Features = kraft.Features()
	x.out.NextProducerID = x.img.NextProducerID()
	var missing []string
	r.Topics = make([]TopicReceipt, 0, x.img.TopicCount())
	for _, t := range x.img.Topics() {
		receipt := TopicReceipt{Name: t.Name, ID: t.ID.String(), Internal: t.Internal}
		receipt.Configs = x.planConfigs(kraft.Resource{Type: kraft.ResourceTopic, Name: t.Name}, t.Configs, r)
		topic := &kraft.Topic{Name: t.Name, ID: kraft.UUID(t.ID)}
		for n := range t.Partitions {
			p, found, err := x.planPartition(t, int32(n), o, r)
			if err != nil {
				return err
			}
			if !found {
				missing = append(missing, fmt.Sprintf("%s-%d", t.Name, n))
			}
			topic.Partitions = append(topic.Partitions, x.kafkaPartition(&t.Partitions[n]))
			receipt.Partitions = append(receipt.Partitions, p)
		}
		if err := x.out.AddTopic(topic); err != nil {
			return err
		}
		r.Topics = append(r.Topics, receipt)
	}
	if len(missing) > 0 && !o.MissingEmpty {
		return fmt.Errorf("%w: %s: a broker that starts makes them anew, or let them begin empty", ErrMissing, some(missing))
	}
	for _, name := range missing {
		r.note("%s begins empty", name)
	}
	for _, id := range []int32{metadata.DefaultBroker, x.meta.NodeID} {
		of := kraft.Resource{Type: kraft.ResourceBroker}
		if id != metadata.DefaultBroker {
			of.Name = strconv.Itoa(int(id))
		}
		for key, value := range x.planConfigs(of, x.img.BrokerConfig(id), r) {
			r.Configs[of.String()+": "+key] = value
		}
	}
	return x.tellOfRest(r)
}

// kafkaPartition is a partition that the node will lead once it is there: Kafka
// elects a leader then, with the next leader epoch.
func (x *export) kafkaPartition(p *metadata.Partition) kraft.Partition {
	alone := []int32{x.meta.NodeID}
	return kraft.Partition{Leader: -1, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch, Replicas: alone, ISR: alone}
}

func (x *export) planPartition(t *metadata.Topic, n int32, o *Options, r *Receipt) (p PartitionReceipt, found bool, err error) {
	tp := logstore.TopicPartition{Topic: t.Name, Partition: n}
	p = PartitionReceipt{Partition: n, LeaderEpoch: t.Partitions[n].LeaderEpoch}
	log, err := x.logs.Log(tp)
	if errors.Is(err, logstore.ErrNotFound) || err == nil && log.ID() != logstore.TopicID(t.ID) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("%w: %s: %w", ErrDamaged, tp, err)
	}
	p.From = filepath.Join(x.data, dataLogs, tp.String())
	p.Start, p.End = log.StartOffset(), log.Offset(logstore.LogEnd)
	x.recovery[tp], x.high[tp] = p.End, p.End
	if p.Start > 0 {
		x.start[tp] = p.Start
	}
	for _, open := range log.OpenTransactions() {
		r.OpenTransactions = append(r.OpenTransactions, OpenTransaction{tp.String(), open.ProducerID, open.First})
	}
	at, err := readPartition(p.From, tp.String(), o.Method, p.End, isKafkas)
	if err == nil {
		err = checkPresent(at, log)
	}
	if err != nil {
		return p, false, err
	}
	at.tellOfOthers(r, "it is no file of Kafka's: recovery or a repair put it aside")
	x.taken = append(x.taken, at)
	p.Bytes = at.bytes()
	r.count(at.files)
	return p, true, nil
}

// checkPresent refuses a log that lacks segments which the store knows of.
func checkPresent(at *partition, log *logstore.Log) error {
	there := map[int64]int64{}
	for i := range at.files {
		if base, suffix, ok := at.files[i].segment(); ok && suffix == logSuffix {
			there[base] = at.files[i].bytes
		}
	}
	for _, s := range log.Segments() {
		if bytes, ok := there[s.Base]; !ok || bytes < s.Bytes {
			return fmt.Errorf("%w: %s: the segment of offset %d has %d bytes, and had %d", ErrDamaged, at.from, s.Base, bytes, s.Bytes)
		}
	}
	return nil
}

// isKafkas tells whether a file in a partition's directory is one that Kafka
// keeps there: what recovery and repairs put aside is not.
func isKafkas(name string) bool {
	if name == epochFile || name == metadataFile {
		return true
	}
	_, suffix, ok := segmentFile(name)
	return ok && (suffix == logSuffix || suffix == ".snapshot" || slices.Contains(indexSuffixes, suffix))
}

func (x *export) planConfigs(of kraft.Resource, all map[string]string, r *Receipt) map[string]string {
	taken := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(key, ownConfigs) {
			r.notTaken("config "+key+" of "+of.String(), "Kafka has no such config")
			continue
		}
		taken[key] = all[key]
		x.out.SetConfig(of, key, all[key])
	}
	return taken
}

// tellOfRest names the directories that are left behind.
func (x *export) tellOfRest(r *Receipt) error {
	entries, err := os.ReadDir(filepath.Join(x.data, dataLogs))
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, at := range x.taken {
		taken[at.to] = true
	}
	for _, e := range entries {
		if !e.IsDir() || taken[e.Name()] {
			continue
		}
		reason := setAside(e.Name())
		if reason == "" {
			reason = "no topic of the cluster has it"
		}
		r.notTaken(filepath.Join(x.data, dataLogs, e.Name()), "%s", reason)
	}
	return nil
}

package interchange

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"moldau/logstore"
)

const offsetsTopic = "__consumer_offsets"

// Types of records of a group itself in __consumer_offsets, Kafka's numbers, that
// the coordinator here has no use for.
var otherGroups = map[uint16]string{
	3:  "consumer group of the new protocol (KIP-848)",
	11: "share group",
	17: "streams group",
}

// tellOfGroups finds groups of which only committed offsets are understood here.
func (p *importPlan) tellOfGroups(store *logstore.Store, r *Receipt) error {
	found := map[string]string{} // kind by group
	for _, t := range p.topics {
		if t.Name != offsetsTopic {
			continue
		}
		for n := range t.Partitions {
			log, err := store.Log(logstore.TopicPartition{Topic: t.Name, Partition: int32(n)})
			if err == nil {
				err = groupsIn(log, found)
			}
			if err != nil {
				return err
			}
		}
	}
	for _, group := range slices.Sorted(maps.Keys(found)) {
		r.notTaken("members of "+found[group]+" "+group, "groups of the classic protocol only have members here; committed offsets are there")
	}
	return nil
}

func groupsIn(log *logstore.Log, found map[string]string) error {
	for rec, err := range log.Records(context.Background(), log.StartOffset(), logstore.LogEnd) {
		if errors.Is(err, logstore.ErrOffsetRange) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(rec.Key) < 4 {
			continue
		}
		kind, ok := otherGroups[binary.BigEndian.Uint16(rec.Key)]
		n := int(binary.BigEndian.Uint16(rec.Key[2:]))
		if !ok || n > len(rec.Key)-4 {
			continue
		}
		group := string(rec.Key[4 : 4+n])
		if found[group] = kind; rec.Value == nil {
			delete(found, group)
		}
	}
	return nil
}

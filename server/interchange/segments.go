package interchange

import (
	"context"
	"fmt"
	"strings"

	"moldau/logstore"
	"moldau/server/kraft"
)

// checkOrphans refuses a log that was closed cleanly and has the index of a
// segment that is not there: Kafka removes a segment's records first or all
// together, so only another hand can have left the index. After a crash it may have
// been Kafka.
func (s *source) checkOrphans(at *partition, r *Receipt) error {
	if len(at.orphans) == 0 {
		return nil
	}
	if s.clean {
		return fmt.Errorf("%w: %s: there are %s, and the segments that they belong to are not", ErrDamaged, at.from, some(at.orphans))
	}
	r.note("%s: there are %s, and the segments that they belong to are not: a crash may leave that while old segments are deleted", at.from, some(at.orphans))
	return nil
}

// checkWhole refuses a log of which segments are missing between others, and tells
// where the first may be. That the last is, the recovery point has told the engine.
func (s *source) checkWhole(t *plannedTopic, tp logstore.TopicPartition, log *logstore.Log, r *Receipt) error {
	segments := log.Segments()
	if err := s.checkHoles(t, tp, log, segments, r); err != nil {
		return err
	}
	first := segments[0].Base
	known := epochsFrom(s.partitions[tp].path)
	if start, told := s.start[tp]; told && (known < 0 || start < known) {
		known = start
	}
	if known >= 0 && known < first {
		r.note("%s begins at offset %d, and Kafka knew of records from %d on: what lies between is not there, because it is in remote storage only, was just being deleted, or was lost", tp, first, known)
	}
	return nil
}

// checkHoles refuses segments that do not touch. Compaction makes such holes, but
// only below the offset up to which it has cleaned, or in another replica from
// which this one was copied.
func (s *source) checkHoles(t *plannedTopic, tp logstore.TopicPartition, log *logstore.Log, segments []logstore.SegmentInfo, r *Receipt) error {
	copied := s.compacted(t, tp) && len(t.Partitions[tp.Partition].Replicas) > 1
	for n := range segments[1:] {
		next := segments[n+1].Base
		if next <= s.cleaner[tp] || next <= log.StartOffset() {
			continue
		}
		last, err := reaches(log, next-1)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, tp, err)
		}
		switch {
		case last:
		case copied:
			r.note("%s: no segment reaches up to offset %d, where the next one begins: it was copied from a replica that was compacted, or a segment is missing", tp, next)
		default:
			return fmt.Errorf("%w: %s: no segment reaches up to offset %d, where the next one begins, and it was compacted up to %d only: a segment is missing", ErrDamaged, tp, next, s.cleaner[tp])
		}
	}
	return nil
}

// reaches tells whether an offset is in a batch.
func reaches(log *logstore.Log, offset int64) (bool, error) {
	for b, err := range log.Batches(context.Background(), offset, logstore.LogEnd) {
		if err != nil {
			return false, err
		}
		return b.BaseOffset() <= offset, nil
	}
	return false, nil
}

// compacted tells whether a topic is compacted, or was. What server.properties says
// of topics that say nothing is not known.
func (s *source) compacted(t *plannedTopic, tp logstore.TopicPartition) bool {
	if _, was := s.cleaner[tp]; was {
		return true
	}
	policy := s.img.Configs[kraft.Resource{Type: kraft.ResourceTopic, Name: t.Name}]["cleanup.policy"]
	return strings.Contains(policy, "compact")
}

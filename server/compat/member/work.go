package member

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/compat/groups"
)

// work sends heartbeats, consumes and commits until the member must join again
// or ends.
func (m *Light) work() error {
	if err := m.resume(); err != nil {
		return err
	}
	if err := m.probe(); err != nil {
		return err
	}
	next := m.o.History.Now() // of the next round of consuming
	for m.leaving.Err() == nil && m.joined {
		select {
		case d := <-m.sleep:
			// It wakes up with work half done: the commit that comes first is what a
			// generation that is over must refuse.
			time.Sleep(d)
			next = m.o.History.Now()
		default:
		}
		now := m.o.History.Now()
		if m.o.Work > 0 && !now.Before(next) {
			next = now.Add(m.o.Work)
			if err := m.consume(); err != nil {
				return err
			}
		}
		beat := m.heard.Add(m.o.Heartbeat)
		if m.joined && !m.o.History.Now().Before(beat) {
			if err := m.heartbeat(); err != nil {
				return err
			}
			beat = m.heard.Add(m.o.Heartbeat)
		}
		if m.o.Work > 0 && next.Before(beat) {
			beat = next
		}
		if m.joined {
			m.pause(time.Until(beat))
		}
	}
	return nil
}

func (m *Light) heartbeat() error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.o.Group, m.generation, m.id, m.instance()
	sent := m.o.History.Now()
	resp, err := m.conn.Do(req, answerWait)
	if err != nil {
		return err
	}
	code := resp.(*kmsg.HeartbeatResponse).ErrorCode
	if code == 0 || code == rebalanceInProgress {
		m.tenant.Alive(sent)
		m.heard = sent
	}
	_, err = m.told(code)
	return err
}

// resume asks where the partitions that are new to the member were left.
func (m *Light) resume() error {
	if m.o.Work == 0 {
		return nil
	}
	var fresh []groups.Slot
	for slot, at := range m.owned {
		if at.next < 0 {
			fresh = append(fresh, slot)
		}
	}
	for len(fresh) > 0 && m.joined && m.leaving.Err() == nil {
		code, err := Committed(m.conn, m.o.History, m.o.Name, fresh, func(slot groups.Slot, offset int64) {
			*m.owned[slot] = position{next: max(0, offset), committed: max(0, offset)}
		})
		if err != nil || code == 0 {
			return err
		}
		if _, err := m.told(code); err != nil {
			return err
		}
	}
	return nil
}

// probe does what a member must not that has missed a rebalance: it speaks for a
// generation that is over. The history knows that the commit must be refused.
func (m *Light) probe() error {
	if m.over <= 0 || m.over >= m.latest || m.generation != m.latest || m.o.Work == 0 {
		return nil
	}
	slot := groups.Slot{Group: m.o.Group, Topic: m.topics()[0]}
	m.commits++
	metadata := fmt.Sprintf("%s#%d, of a generation that is over", m.o.Name, m.commits)
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Group, commit.Generation, commit.MemberID, commit.InstanceID = m.o.Group, m.over, m.id, m.instance()
	Add(commit, slot, 0, metadata)
	note := m.o.History.Commit(m.o.Name, slot, m.over, 0, metadata)
	answer, err := m.conn.Do(commit, answerWait)
	if err != nil {
		return err
	}
	err = Outcomes(commit, answer.(*kmsg.OffsetCommitResponse), func(_ groups.Slot, _ int64, code int16) { note.Answered(code) })
	if err != nil {
		return err
	}
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.Generation, beat.MemberID, beat.InstanceID = m.o.Group, m.over, m.id, m.instance()
	if answer, err = m.conn.Do(beat, answerWait); err != nil {
		return err
	}
	if answer.(*kmsg.HeartbeatResponse).ErrorCode == 0 {
		return fmt.Errorf("a heartbeat of generation %d is taken in generation %d", m.over, m.generation)
	}
	m.over = 0
	return nil
}

// Committed asks for the committed offsets of slots of one group, tells the
// history and hands them on. code is the group's, or that of the first
// partition that has one; nothing was told then.
func Committed(conn *Conn, h *groups.History, by string, slots []groups.Slot, each func(groups.Slot, int64)) (code int16, err error) {
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = slots[0].Group
	byTopic := map[string][]int32{}
	for _, slot := range slots {
		byTopic[slot.Topic] = append(byTopic[slot.Topic], slot.Partition)
	}
	for topic, partitions := range byTopic {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.Partitions = topic, partitions
		group.Topics = append(group.Topics, t)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, group)
	sent := h.Now()
	answer, err := conn.Do(req, answerWait)
	if err != nil {
		return 0, err
	}
	resp := answer.(*kmsg.OffsetFetchResponse)
	if len(resp.Groups) != 1 || resp.Groups[0].Group != group.Group {
		return 0, fmt.Errorf("offsets of %d groups for one", len(resp.Groups))
	}
	if code := resp.Groups[0].ErrorCode; code != 0 {
		return code, nil
	}
	told := 0
	for _, t := range resp.Groups[0].Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return p.ErrorCode, nil
			}
			told++
		}
	}
	if told != len(slots) {
		return 0, fmt.Errorf("offsets of %d partitions for %d", told, len(slots))
	}
	for _, t := range resp.Groups[0].Topics {
		for _, p := range t.Partitions {
			slot := groups.Slot{Group: group.Group, Topic: t.Topic, Partition: p.Partition}
			h.Read(by, slot, sent, p.Offset, text(p.Metadata))
			if each != nil {
				each(slot, p.Offset)
			}
		}
	}
	return 0, nil
}

// consume fetches from every partition once and commits what it was given.
func (m *Light) consume() error {
	if len(m.owned) == 0 {
		return nil
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 0, 0, 1<<20
	req.SessionEpoch = -1
	topics := map[string]int{}
	for slot, at := range m.owned {
		i, ok := topics[slot.Topic]
		if !ok {
			i = len(req.Topics)
			topics[slot.Topic] = i
			t := kmsg.NewFetchRequestTopic()
			t.Topic = slot.Topic
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = slot.Partition, max(0, at.next), 64<<10
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	resp, err := m.conn.Do(req, answerWait)
	if err != nil {
		return err
	}
	for _, t := range resp.(*kmsg.FetchResponse).Topics {
		for _, p := range t.Partitions {
			if err := m.given(groups.Slot{Group: m.o.Group, Topic: t.Topic, Partition: p.Partition}, &p); err != nil {
				return err
			}
		}
	}
	return m.commit()
}

func (m *Light) given(slot groups.Slot, p *kmsg.FetchResponseTopicPartition) error {
	switch p.ErrorCode {
	case 0:
	case unknownTopicPartition, leaderNotAvailable, notLeader:
		return nil // a broker that has just started
	default:
		return fmt.Errorf("fetching %v: %w", slot, kerr.ErrorForCode(p.ErrorCode))
	}
	at := m.owned[slot]
	if at == nil {
		return fmt.Errorf("records of %v, which was not asked for", slot)
	}
	if end := batchesEnd(p.RecordBatches); end > at.next {
		m.o.History.Consumed(slot, at.next, end)
		at.next = end
	}
	return nil
}

// batchesEnd is the offset behind the last whole batch, 0 without one.
func batchesEnd(b []byte) (end int64) {
	const headerBytes = 61
	for len(b) >= headerBytes {
		size := 12 + int(binary.BigEndian.Uint32(b[8:]))
		if size > len(b) {
			break
		}
		end = int64(binary.BigEndian.Uint64(b)) + int64(binary.BigEndian.Uint32(b[23:])) + 1
		b = b[size:]
	}
	return end
}

// commit commits what was consumed since the last time.
func (m *Light) commit() error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.o.Group, m.generation, m.id, m.instance()
	sent := m.o.History.Now()
	notes := map[groups.Slot]*groups.Commit{}
	for slot, at := range m.owned {
		if at.next > at.committed {
			m.commits++
			metadata := fmt.Sprintf("%s#%d", m.o.Name, m.commits)
			notes[slot] = m.o.History.Commit(m.o.Name, slot, m.generation, at.next, metadata)
			Add(req, slot, at.next, metadata)
		}
	}
	if len(notes) == 0 {
		return nil
	}
	answer, err := m.conn.Do(req, answerWait)
	if err != nil {
		return err
	}
	worst := int16(0)
	err = Outcomes(req, answer.(*kmsg.OffsetCommitResponse), func(slot groups.Slot, offset int64, code int16) {
		notes[slot].Answered(code)
		if code == 0 {
			m.owned[slot].committed = offset
			m.tenant.Alive(sent)
			return
		}
		worst = code
	})
	if err != nil {
		return err
	}
	_, err = m.told(worst)
	return err
}

// Add puts a slot's commit into a request.
func Add(req *kmsg.OffsetCommitRequest, slot groups.Slot, offset int64, metadata string) {
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.Metadata = slot.Partition, offset, &metadata
	for i := range req.Topics {
		if req.Topics[i].Topic == slot.Topic {
			req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
			return
		}
	}
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = slot.Topic
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
}

// Outcomes tells, for each commit of a request, what the answer says of it.
func Outcomes(req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, each func(slot groups.Slot, offset int64, code int16)) error {
	offsets := map[groups.Slot]int64{}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			offsets[groups.Slot{Group: req.Group, Topic: t.Topic, Partition: p.Partition}] = p.Offset
		}
	}
	answered := 0
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			slot := groups.Slot{Group: req.Group, Topic: t.Topic, Partition: p.Partition}
			offset, asked := offsets[slot]
			if !asked {
				return fmt.Errorf("an outcome of %v, which was not committed", slot)
			}
			answered++
			each(slot, offset, p.ErrorCode)
		}
	}
	if answered != len(offsets) {
		return fmt.Errorf("%d outcomes of %d commits", answered, len(offsets))
	}
	return nil
}

package replica

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"moldau/logstore"
	"moldau/server/metadata"
)

const (
	// openersMax is how many logs are opened or deleted at once. Each waits for
	// syncs of directories, not for a processor, and the file system merges syncs
	// that wait together.
	openersMax = 32
	// retryPause lies between two attempts to get a partition its log, however
	// many clients ask for it.
	retryPause = time.Second
	// spacePause lies between two attempts to open a log that there was no room for:
	// each may read all that was not flushed of it.
	spacePause = 30 * time.Second
)

// kafkaMetadataTopic is Kafka's own metadata log. A directory that Kafka left
// has one, and can be given back to it.
const kafkaMetadataTopic = "__cluster_metadata"

// opening is what a partition needs to get its log. It is of the manager, under
// its lock.
type opening struct {
	id        logstore.TopicID
	config    logstore.Config
	configErr error
	// existed: the topic is older than this start, so that a log on disk may be
	// its own. Of a topic that is younger no log can be there.
	existed bool
	reason  error // why the last attempt failed
}

// openAll gets partitions their logs, as far as that goes: those that have none
// are made together, which is one wait for the disk, not one each.
func (m *Manager) openAll(partitions []*Partition) {
	fresh := make([]*Partition, 0, len(partitions))
	var others []*Partition
	for _, p := range partitions {
		if m.isNew(p) {
			fresh = append(fresh, p)
		} else {
			others = append(others, p)
		}
	}
	m.createAll(fresh)
	atOnce(others, m.open)
	for _, p := range partitions {
		if p.log.Load() == nil {
			m.offline[p] = struct{}{}
		} else {
			delete(m.offline, p)
		}
	}
}

// isNew tells that the store has nothing by the partition's name.
func (m *Manager) isNew(p *Partition) bool {
	if p.opening.configErr != nil {
		return false
	}
	_, err := m.o.Store.Log(p.name)
	return errors.Is(err, logstore.ErrNotFound)
}

// createAll makes the logs of partitions that have none.
func (m *Manager) createAll(fresh []*Partition) {
	if len(fresh) == 0 {
		return
	}
	all := make([]logstore.NewLog, len(fresh))
	for i, p := range fresh {
		p.triedAt.Store(m.o.Clock.Now().UnixNano())
		m.tellMissing(p.name, &p.opening)
		all[i] = logstore.NewLog{Name: p.name, ID: p.opening.id, Config: p.opening.config}
	}
	for i, created := range m.o.Store.CreateAll(all) {
		m.opened(fresh[i], created.Log, created.Err)
	}
}

// tellMissing logs that an older topic's log is not there. A crash between a
// topic's creation and that of its logs comes here too, and then nothing is lost.
// Which of the two it was cannot be told.
func (m *Manager) tellMissing(name logstore.TopicPartition, o *opening) {
	if o.existed && o.reason == nil {
		m.o.Logger.Error("log is missing and is created empty", "partition", name.String())
	}
}

// atOnce calls f for each partition, several at a time.
func atOnce(partitions []*Partition, f func(*Partition)) {
	var wg sync.WaitGroup
	room := make(chan struct{}, openersMax)
	for _, p := range partitions {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			f(p)
		})
	}
	wg.Wait()
}

// open gets a partition its log, or takes it offline.
func (m *Manager) open(p *Partition) {
	p.triedAt.Store(m.o.Clock.Now().UnixNano())
	log, err := m.openLog(p.name, &p.opening)
	if p.opening.existed && isFull(err) {
		p.triedAt.Add(int64(spacePause - retryPause))
	}
	m.opened(p, log, err)
}

// opened gives a partition its log, or takes it offline: a partition without a
// usable log is not an unknown one. Both are logged when they begin, not with
// each attempt.
func (m *Manager) opened(p *Partition, log *logstore.Log, err error) {
	o := &p.opening
	before := o.reason
	o.reason = err
	if err != nil {
		if before == nil {
			m.o.Logger.Error("partition is offline", "partition", p.name.String(), "err", err)
		}
		p.why.Store(&err)
		return
	}
	if before != nil {
		m.o.Logger.Info("partition is online again", "partition", p.name.String())
	}
	p.log.Store(log)
	m.configure(p, o.config, nil)
}

// isShort and isFull tell what another attempt may find mended by itself.
func isShort(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, logstore.ErrNoSpace)
}

// openLog finds or creates the log. A directory that is another topic's, a
// deleted one's of the same name most likely, makes room, and nobody told us to
// delete it: it is set aside.
func (m *Manager) openLog(name logstore.TopicPartition, o *opening) (*logstore.Log, error) {
	if o.configErr != nil {
		return nil, o.configErr
	}
	log, err := m.o.Store.Log(name)
	if isShort(err) || isFull(err) {
		log, err = m.o.Store.Reopen(name) // there may be descriptors, or room, by now
	}
	switch {
	case errors.Is(err, logstore.ErrNotFound):
		m.tellMissing(name, o)
		return m.o.Store.Create(name, o.id, o.config)
	case err != nil && o.existed:
		return nil, err
	case err != nil:
		err = m.setAside(name, "it is not the topic's and cannot be opened: "+err.Error())
	case log.ID() == o.id:
		return log, nil
	case log.ID() != logstore.TopicID{}:
		err = m.setAside(name, "it is of a topic with id "+log.ID().String())
	case log.Err() == nil && log.Offset(logstore.LogEnd) == 0:
		// A creation that was cut short leaves this. By its id it is known when the
		// topic is gone one day.
		return log, log.AssignID(o.id)
	case o.existed:
		// So does a manifest that was lost, or a Kafka from before there were ids. It
		// is served without one if need be, of a damaged log or a full disk.
		if err := log.AssignID(o.id); err != nil {
			m.o.Logger.Warn("log stays without a topic id", "partition", name.String(), "err", err)
		}
		return log, nil
	default:
		err = m.setAside(name, "it has no topic id, and is older than the topic")
	}
	if err != nil {
		return nil, fmt.Errorf("make room for %s: %w", name, err)
	}
	return m.o.Store.Create(name, o.id, o.config)
}

// setStraysAside takes the logs that no topic of the cluster has out of the way,
// as Kafka does: their names are free then, and none of their records comes to
// light under a topic that is created later.
func (m *Manager) setStraysAside(next *metadata.Image) {
	for _, log := range m.o.Store.Logs() {
		name := log.Name()
		if name.Topic == kafkaMetadataTopic {
			continue
		}
		if t, ok := next.Topic(name.Topic); ok && int(name.Partition) < len(t.Partitions) {
			continue // open compares the ids
		}
		if err := m.setAside(name, "no topic of the cluster has it"); err != nil {
			m.o.Logger.Error("log belongs to no topic and stays in its place", "partition", name.String(), "err", err)
		}
	}
}

func (m *Manager) setAside(name logstore.TopicPartition, reason string) error {
	err := m.o.Store.SetAside(name)
	if err == nil {
		m.o.Logger.Warn("log was set aside: its directory is renamed and kept", "partition", name.String(), "reason", reason)
	}
	return err
}

// due are the offline partitions that may be tried again.
func (m *Manager) due() []*Partition {
	var due []*Partition
	for p := range m.offline {
		if m.isDue(p) {
			due = append(due, p)
		}
	}
	return due
}

func (m *Manager) isDue(p *Partition) bool {
	return m.o.Clock.Now().UnixNano()-p.triedAt.Load() >= int64(retryPause)
}

// retry tries once more to get an offline partition its log: what it lacked,
// room or descriptors, comes back without a restart. A request that finds the
// manager at work does not wait for it.
func (m *Manager) retry(p *Partition) {
	if !m.isDue(p) || !m.mu.TryLock() {
		return
	}
	defer m.mu.Unlock()
	// A partition that is gone, or not there yet, is not to get a log.
	if _, ok := m.offline[p]; ok && m.isDue(p) {
		m.openAll([]*Partition{p})
	}
}

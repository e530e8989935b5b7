package history

// Stored is one record as it was read.
type Stored struct {
	Offset int64
	Value  []byte
}

// stream is one producer's sequence in one partition.
type stream struct {
	producer  string
	partition int32
}

// told is what a producer knows of its stream.
type told struct {
	sent   int64           // sequences 0 to sent-1 were sent
	acked  map[int64]int64 // sequence -> offset
	failed map[int64]string
}

// History is what happened, as its witnesses tell it. It is filled by one
// goroutine at a time.
type History struct {
	streams map[stream]*told
	logs    map[int32][]Stored
	// seen is what a consumer was given while the broker was being killed.
	seen map[int32]map[int64]string
}

// New is an empty history.
func New() *History {
	return &History{
		streams: map[stream]*told{}, logs: map[int32][]Stored{}, seen: map[int32]map[int64]string{},
	}
}

func (h *History) stream(producer string, partition int32) *told {
	key := stream{producer, partition}
	t := h.streams[key]
	if t == nil {
		t = &told{acked: map[int64]int64{}, failed: map[int64]string{}}
		h.streams[key] = t
	}
	return t
}

// Acked notes that a record was acknowledged at an offset, -1 if none was told.
func (h *History) Acked(r Record, offset int64) {
	h.stream(r.Producer, r.Partition).acked[r.Sequence] = offset
}

// Failed notes that a producer gave a record up.
func (h *History) Failed(r Record, reason string) {
	h.stream(r.Producer, r.Partition).failed[r.Sequence] = reason
}

// Sent notes how many records a producer sent to a partition in all.
func (h *History) Sent(producer string, partition int32, n int64) {
	h.stream(producer, partition).sent = n
}

// Seen notes what a consumer was given on the way.
func (h *History) Seen(partition int32, s Stored) {
	if h.seen[partition] == nil {
		h.seen[partition] = map[int64]string{}
	}
	h.seen[partition][s.Offset] = string(s.Value)
}

// Stored notes the next record of a partition, as it is in the end.
func (h *History) Stored(partition int32, s Stored) {
	h.logs[partition] = append(h.logs[partition], s)
}

// Counts are the sizes of what was checked: a check of little shows little.
type Counts struct {
	Sent, Acked, Failed, Stored, Seen int64
}

// Counts sums up.
func (h *History) Counts() Counts {
	var c Counts
	for _, t := range h.streams {
		c.Sent += t.sent
		c.Acked += int64(len(t.acked))
		c.Failed += int64(len(t.failed))
	}
	for _, log := range h.logs {
		c.Stored += int64(len(log))
	}
	for _, seen := range h.seen {
		c.Seen += int64(len(seen))
	}
	return c
}

package admin

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"moldau/logstore"
)

// Phases of a broker's life, in order. A broker is ready in Serving only.
const (
	Starting          = "starting"
	OpeningLogs       = "opening logs"     // and recovering those that were not closed cleanly
	OpeningMetadata   = "opening metadata" // and replaying it
	OpeningPartitions = "opening partitions"
	LoadingGroups     = "loading groups"
	Serving           = "serving"
	Closing           = "closing"
)

// Progress is how much of a phase is done.
type Progress struct {
	Done, Total int64
	// Begun is the part of what is not done that is, in the unit of Done.
	Begun float64
	// Scans are the logs that are being scanned at the moment.
	Scans []logstore.Scan
}

// Of is the progress of the opening of a store.
func Of(p *logstore.Progress) func() Progress {
	return func() Progress {
		o := p.Opening()
		all := Progress{Done: int64(o.Opened), Total: int64(o.Logs), Scans: o.Scans}
		for _, s := range o.Scans {
			if s.Bytes > 0 {
				all.Begun += float64(s.Scanned) / float64(s.Bytes)
			}
		}
		return all
	}
}

// ratio is how much is done, from 0 to 1.
func (p *Progress) ratio() float64 {
	if p.Total <= 0 {
		return 0
	}
	return min((float64(p.Done)+p.Begun)/float64(p.Total), 1)
}

// Health is what a broker does at the moment, and whether clients should come.
type Health struct {
	clock logstore.Clock

	mu       sync.Mutex
	phase    string          // under mu, as all below
	entered  time.Time       // the phase
	progress func() Progress // nil for a phase without
	check    func() error    // why a broker that serves is not ready; nil before Serve
}

// NewHealth is the health of a broker that begins to start.
func NewHealth(clock logstore.Clock) *Health {
	return &Health{clock: clock, phase: Starting, entered: clock.Now()}
}

// Enter begins a phase. progress is called whenever somebody asks, by any
// goroutine, and may be nil.
func (h *Health) Enter(phase string, progress func() Progress) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.phase, h.entered, h.progress = phase, h.clock.Now(), progress
}

// Serve begins the last phases: LoadingGroups for as long as groups are being
// loaded, of which groups tells the progress, and then Serving. check says why
// clients are not to come any more, though nobody closed the broker. Both are
// called whenever somebody asks.
func (h *Health) Serve(groups func() Progress, check func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.phase, h.entered, h.progress, h.check = LoadingGroups, h.clock.Now(), groups, check
}

// settle ends the phase LoadingGroups once all groups are there. Groups that are
// loaded later, because their topic came then, keep no client away.
func (h *Health) settle() {
	h.mu.Lock()
	groups := h.progress
	loading := h.phase == LoadingGroups && groups != nil
	h.mu.Unlock()
	if !loading {
		return
	}
	if p := groups(); p.Done < p.Total {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase == LoadingGroups { // and not closing by now
		h.phase, h.entered, h.progress = Serving, h.clock.Now(), nil
	}
}

// Report is the answer of /ready.
type Report struct {
	Ready bool   `json:"ready"`
	Phase string `json:"phase"`
	// Reason is why a broker that serves is not ready.
	Reason string `json:"reason,omitempty"`
	// Done of Total is how far the phase is, where that is known.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	// ElapsedMs is how long the phase has lasted, EtaMs how long it will last yet,
	// if it goes on as it did; absent where nobody can tell.
	ElapsedMs int64  `json:"elapsedMs"`
	EtaMs     *int64 `json:"etaMs,omitempty"`
	// Scans are the logs that are being scanned.
	Scans []ScanReport `json:"scans,omitempty"`

	ratio float64
}

// ScanReport is how far the recovery of one log is.
type ScanReport struct {
	Log          string `json:"log"`
	ScannedBytes int64  `json:"scannedBytes"`
	Bytes        int64  `json:"bytes"`
}

// Report tells what the broker does.
func (h *Health) Report() Report {
	h.settle()
	h.mu.Lock()
	phase, entered, progress, check := h.phase, h.entered, h.progress, h.check
	h.mu.Unlock()
	elapsed := max(h.clock.Now().Sub(entered), 0)
	r := Report{Phase: phase, ElapsedMs: elapsed.Milliseconds()}
	if phase == Serving {
		r.Ready = true
		if err := check(); err != nil {
			r.Ready, r.Reason = false, err.Error()
		}
		return r
	}
	if progress == nil {
		return r
	}
	p := progress()
	r.Done, r.Total, r.ratio = p.Done, p.Total, p.ratio()
	if r.ratio > 0 && elapsed > 0 {
		eta := time.Duration(float64(elapsed) * (1 - r.ratio) / r.ratio).Milliseconds()
		r.EtaMs = &eta
	}
	for _, s := range p.Scans {
		r.Scans = append(r.Scans, ScanReport{s.Log.String(), s.Scanned, s.Bytes})
	}
	return r
}

func (h *Health) serve(w http.ResponseWriter, _ *http.Request) {
	r := h.Report()
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, status, "application/json", append(body, '\n'))
}

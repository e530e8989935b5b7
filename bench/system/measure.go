package system

import (
	"context"
	"fmt"

	"moldau/bench/client"
	"moldau/bench/result"
	"moldau/bench/yardstick"
)

// Measure has a client load the system and tells what that cost it: its process's
// CPU time, and the whole machine's but for the client's own, and that of the pool's
// other systems, which are idle, but not for nothing.
func (s *System) Measure(ctx context.Context, cpus string, l client.Load) (result.Block, client.Outcome, error) {
	l.Addr, l.Trusts = s.Addr(), s.certificate
	m, err := s.Meter()
	if err != nil {
		return result.Block{}, client.Outcome{}, err
	}
	o, err := client.Run(ctx, cpus, l)
	if err != nil {
		return result.Block{}, o, fmt.Errorf("%s: %w", s.Name, err)
	}
	b, err := m.Block(o)
	return b, o, err
}

// Meter reads what a system uses up.
type Meter struct {
	pid    int
	beside []int // processes whose time is not its
	before reading
}

// Meter begins to count.
func (s *System) Meter() (*Meter, error) {
	m := &Meter{pid: s.PID()}
	if s.beside != nil {
		m.beside = s.beside()
	}
	var err error
	m.before, err = read(m.pid, m.beside)
	return m, err
}

// Block is what was used so far for what a client did.
func (m *Meter) Block(o client.Outcome) (result.Block, error) {
	after, err := read(m.pid, m.beside)
	if err != nil {
		return result.Block{}, err
	}
	return after.since(m.before).block(o), nil
}

// reading is what was used up so far.
type reading struct {
	cpu, machineCPU, steal   float64 // seconds, the machine's without those beside
	minorFaults, majorFaults int64
	diskRead                 int64 // bytes
	diskReadKnown            bool  // the kernel tells
}

func read(pid int, beside []int) (r reading, err error) {
	if r.cpu, r.steal, err = yardstick.Times(pid); err != nil {
		return r, err
	}
	if r.machineCPU, err = yardstick.MachineTime(); err != nil {
		return r, err
	}
	for _, other := range beside {
		cpu, _, err := yardstick.Times(other)
		if err != nil {
			return r, err
		}
		r.machineCPU -= cpu
	}
	disk, untold := yardstick.ReadFromDisk(pid)
	r.diskRead, r.diskReadKnown = disk, untold == nil
	r.minorFaults, r.majorFaults, err = yardstick.Faults(pid)
	return r, err
}

func (r reading) since(before reading) reading {
	return reading{r.cpu - before.cpu, r.machineCPU - before.machineCPU, r.steal - before.steal,
		r.minorFaults - before.minorFaults, r.majorFaults - before.majorFaults, r.diskRead - before.diskRead, r.diskReadKnown && before.diskReadKnown}
}

// block is what was used, for what was done.
func (r reading) block(o client.Outcome) result.Block {
	gb := float64(o.Bytes) / 1e9
	b := result.Block{StealSeconds: r.steal, Latency: o.Latency, Metrics: map[result.Metric]float64{
		result.CPUPerGB:         r.cpu / gb,
		result.MachineCPUPerGB:  max(0, r.machineCPU-o.CPUSeconds) / gb,
		result.BytesPerSecond:   float64(o.Bytes) / 1e6 / o.Seconds,
		result.RecordsPerSecond: float64(o.Records) / o.Seconds,
		result.MovedMB:          float64(o.Bytes) / 1e6,
		result.MinorFaultsPerGB: float64(r.minorFaults) / gb,
		result.MajorFaults:      float64(r.majorFaults),
	}}
	if r.diskReadKnown {
		b.Metrics[result.ReadPerByte] = float64(r.diskRead) / float64(o.Bytes)
	}
	if o.Requests > 0 {
		b.Metrics[result.CPUPerRequest] = r.cpu * 1e6 / float64(o.Requests)
		b.Metrics[result.RequestsPerSecond] = float64(o.Requests) / o.Seconds
	}
	if o.Uncompressed > 0 {
		b.Metrics[result.UncompressedPerSecond] = float64(o.Uncompressed) / 1e6 / o.Seconds
		b.Metrics[result.CPUPerUncompressedGB] = r.cpu / (float64(o.Uncompressed) / 1e9)
	}
	if o.Latency != nil {
		o.Latency.Into(b.Metrics)
	}
	return b
}

// Resident is the process's memory in MB of 10^6 bytes.
func (s *System) Resident() (float64, error) { return Resident(s.PID()) }

// Resident is a process's memory in MB of 10^6 bytes.
func Resident(pid int) (float64, error) {
	m, err := yardstick.Resident(pid)
	return float64(m.All) / 1e6, err
}

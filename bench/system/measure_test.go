package system

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"moldau/bench/yardstick"
)

// What others use up beside a system is not the machine's work for it.
func TestOthersTimeIsNotTheMachines(t *testing.T) {
	self := os.Getpid()
	for used := 0.0; used < 0.05; { // so that there is something to leave out
		var err error
		if used, _, err = yardstick.Times(self); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	all, err := read(self, nil)
	if err != nil {
		t.Fatal(err)
	}
	without, err := read(self, []int{self})
	if err != nil {
		t.Fatal(err)
	}
	meanwhile := time.Since(began).Seconds() * float64(runtime.NumCPU())
	if most := all.machineCPU + meanwhile - all.cpu; without.machineCPU > most {
		t.Errorf("%.3f s without %.3f s of it, at most %.3f", without.machineCPU, all.cpu, most)
	}
}

func TestBesideAreAllOthers(t *testing.T) {
	process := func(pid int) *child { return &child{cmd: &exec.Cmd{Process: &os.Process{Pid: pid}}} }
	moldau, kafka := &System{process: process(1)}, &System{process: process(2)}
	nats := &JetStream{System: System{process: process(3)}}
	p := &Pool{running: map[string]*System{Moldau: moldau, Kafka: kafka}, natsServers: map[bool]*JetStream{true: nats}}
	for _, r := range []struct {
		s    *System
		want int // the sum of the others' ids
	}{{moldau, 5}, {kafka, 4}, {&nats.System, 3}} {
		sum := 0
		for _, pid := range p.beside(r.s)() {
			sum += pid
		}
		if sum != r.want {
			t.Errorf("beside %d: %v", r.s.PID(), p.beside(r.s)())
		}
	}
}

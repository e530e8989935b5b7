package durable

import "testing"

func TestClientsCoverLogs(t *testing.T) {
	for _, r := range []row{{1, 1, 1}, {1, 6, 1}, {16, 6, 16}, {64, 1000, 1}, {64, 32, 1}} {
		had := make([]int, r.logs)
		for _, c := range newClients(r) {
			if len(c.logs) == 0 {
				t.Errorf("%s: a client without a log", r.name())
			}
			for _, log := range c.logs {
				had[log]++
			}
		}
		for log, n := range had {
			if least := max(1, r.clients/r.logs); n < least || n > least+1 {
				t.Errorf("%s: log %d has %d clients", r.name(), log, n)
			}
		}
	}
}

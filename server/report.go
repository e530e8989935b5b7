package server

import (
	"moldau/logstore"
)

// logEvent writes down what the engine did by itself. It is called on the
// engine's goroutines.
func (s *Server) logEvent(e logstore.Event) { s.logger.Debug("engine", "event", e) }

// logCounters writes down what went over the wire, of which sendfile's share is
// what the zero-copy path is judged by.
func (s *Server) logCounters() {
	c := s.wire.Counters()
	s.logger.Info("clients served",
		"connections", c.Accepted, "refused", c.Refused,
		"requests", c.Frames, "rejected", c.Rejected,
		"bytesIn", c.BytesIn, "bytesOut", c.BytesOut,
		"sendfileBytes", c.SendfileBytes, "copiedBytes", c.CopiedBytes)
}

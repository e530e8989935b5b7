package server

import (
	"context"
	"log/slog"
	"math"
	"strconv"
)

const (
	// descriptorsReserve is for all that is neither a connection nor a log:
	// checkpoints being written, listeners, directories being synced.
	descriptorsReserve = 32
	// partitionsMaxUnknown stands where the system does not tell its limit.
	partitionsMaxUnknown = 100_000
)

// limits keep the process from running out of descriptors, of which every
// segment of a log holds one, and every connection: a broker without any left
// accepts nobody, and may not start again.
type limits struct {
	descriptors int64 // of the process; 0 unknown
	partitions  int   // that may be created
	connections int   // that may be open, if no config says less
}

// limitsOf divides the descriptors: three quarters for logs, the rest for
// connections. Logs get more because what they hold they hold for ever, and
// because a partition needs one more for every segment that it keeps.
func limitsOf(descriptors int64) limits {
	if descriptors <= 0 {
		return limits{partitions: partitionsMaxUnknown, connections: math.MaxInt32}
	}
	descriptors = min(descriptors, math.MaxInt32)
	return limits{
		descriptors: descriptors,
		partitions:  int(descriptors * 3 / 4),
		connections: int(max(descriptors/4-descriptorsReserve, descriptors/8, 1)),
	}
}

// limit puts the process's limits behind the configured ones. Where that
// changes a config, the change is a static config like any other, so that
// DescribeConfigs tells what is in force.
func (s *Server) limit(static map[string]string, connectionsMax int64, l limits) {
	if s.cfg.PartitionsMax == 0 {
		s.cfg.PartitionsMax = l.partitions
	}
	if connectionsMax > int64(l.connections) {
		level := slog.LevelInfo
		if _, asked := static["max.connections"]; asked {
			level = slog.LevelWarn
		}
		s.logger.Log(context.Background(), level, "max.connections is lowered: the process may not open more files",
			"max.connections", l.connections, "wanted", connectionsMax, "filesMax", l.descriptors)
		static["max.connections"] = strconv.Itoa(l.connections)
	}
	if l.descriptors > 0 && int64(s.cfg.PartitionsMax) > l.descriptors {
		s.logger.Warn("more partitions are allowed than the process may open files", "partitionsMax", s.cfg.PartitionsMax, "filesMax", l.descriptors)
	}
}

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
	// partitionsMaxDefault keeps one client from filling memory and disk with
	// partitions: each takes some 5 KB of heap and four files on disk. Descriptors
	// have no part in it, for the engine closes the files of idle logs.
	partitionsMaxDefault = 100_000
)

// limits keep the process from running out of descriptors, of which every
// connection holds one, and every log that is in use: a broker without any left
// accepts nobody, and may not start again.
type limits struct {
	descriptors int64 // of the process; 0 unknown
	connections int   // that may be open, if no config says less
}

// limitsOf divides the descriptors: what is not for the logs' files is for
// connections. openFiles is moldau.open.files.max, which the engine may pass by a
// sixteenth, and 0 for its default of three quarters.
func limitsOf(descriptors, openFiles int64) limits {
	if descriptors <= 0 {
		return limits{connections: math.MaxInt32}
	}
	descriptors = min(descriptors, math.MaxInt32)
	left := descriptors / 4
	if openFiles > 0 {
		left = max(descriptors-min(openFiles, descriptors)*17/16, 0)
	}
	return limits{
		descriptors: descriptors,
		connections: int(max(left-descriptorsReserve, descriptors/8, 1)),
	}
}

// limit puts the process's limits behind the configured ones. Where that
// changes a config, the change is a static config like any other, so that
// DescribeConfigs tells what is in force.
func (s *Server) limit(static map[string]string, connectionsMax int64, l limits) {
	if s.cfg.PartitionsMax == 0 {
		s.cfg.PartitionsMax = partitionsMaxDefault
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
}

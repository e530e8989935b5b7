package coordinator

import (
	"context"
	"fmt"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Replay calls apply with every record of a partition that lies below the high
// watermark, in order, once all that is in the log at the call lies there. A
// record is valid during the call. It ends with apply's first error.
func Replay(ctx context.Context, log *logstore.Log, apply func(*record.Record) error) error {
	end := log.Offset(logstore.LogEnd)
	if err := log.Wait(ctx, logstore.HighWatermark, end); err != nil {
		return fmt.Errorf("%s: wait for what was appended to be committed: %w", log.Name(), err)
	}
	for r, err := range log.Records(ctx, log.StartOffset(), logstore.HighWatermark) {
		if err != nil {
			return fmt.Errorf("replay %s: %w", log.Name(), err)
		}
		if err := apply(&r); err != nil {
			return fmt.Errorf("replay %s at offset %d: %w", log.Name(), r.Offset, err)
		}
	}
	return nil
}

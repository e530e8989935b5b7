package logstore

import (
	"errors"
	"fmt"

	"moldau/logstore/record"
)

// noTimestamp is what a producer without a clock sends.
const noTimestamp = -1

// admit checks one client batch before the lock is taken, and corrects its
// largest timestamp, or sets it to the log's time. FORMAT.md lists what passes
// here and not Kafka: the records of a compressed batch are looked at only
// under ValidateRecords and in compacted logs.
func (l *Log) admit(b record.Batch, o AppendOptions, c *Config, nowMs int64) error {
	if int64(b.Size()) > c.MaxMessageBytes {
		return fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, b.Size(), c.MaxMessageBytes)
	}
	if err := b.Check(); err != nil {
		if errors.Is(err, record.ErrCount) {
			return refuse(err.Error())
		}
		return err
	}
	if err := admitHeader(b, o); err != nil {
		return err
	}
	largest, err := l.admitRecords(b, c, nowMs)
	if err != nil {
		return err
	}
	switch {
	case c.TimestampType == LogAppendTime:
		b.SetLogAppendTime(nowMs)
	case largest != b.MaxTimestamp():
		// segmentio/kafka-go's Conn sends such headers. Retention and lookups by
		// time would believe them.
		b.SetMaxTimestamp(largest)
		b.SetCRC(b.ComputeCRC())
	}
	return nil
}

// refuse is the refusal of a whole batch.
func refuse(reason string) error {
	return &RecordError{Index: -1, Reason: reason, Err: ErrInvalidRecord}
}

func admitHeader(b record.Batch, o AppendOptions) error {
	switch {
	case b.Control():
		return refuse("clients may not write control batches")
	case b.Transactional() && b.ProducerID() < 0:
		return refuse("transactional batch without a producer id")
	case b.HasDeleteHorizon():
		return refuse("clients may not set a delete horizon")
	case int64(b.Count()) != int64(b.LastOffsetDelta())+1:
		return refuse("record count does not fit the last offset delta")
	case b.ProducerID() >= 0 && (b.BaseSequence() < 0 && !o.ByCoordinator || b.ProducerEpoch() < 0):
		return refuse("idempotent batch without sequence or epoch")
	}
	return nil
}

// admitRecords checks records where that is asked for and returns the batch's
// true largest timestamp, or the header's if it does not look.
func (l *Log) admitRecords(b record.Batch, c *Config, nowMs int64) (int64, error) {
	createTime := c.TimestampType == CreateTime
	if createTime && b.LogAppendTime() {
		return 0, &RecordError{Index: -1, Reason: "clients may not set the timestamp type LogAppendTime", Err: ErrInvalidTimestamp}
	}
	if b.Codec() != record.None && c.Validation == ValidateHeader && !c.Compact {
		if createTime {
			return b.MaxTimestamp(), admitTimestamp(b.MaxTimestamp(), -1, c, nowMs)
		}
		return 0, nil
	}
	w, err := b.Walk(record.WalkOptions{UnpackedBytesMax: l.store.opt.DecompressedBytesMax})
	if err != nil {
		index := -1
		var re *record.RecordError
		if errors.As(err, &re) {
			index = re.Index
		}
		return 0, &RecordError{Index: index, Reason: err.Error(), Err: ErrInvalidRecord}
	}
	if c.Compact && w.FirstNullKey >= 0 {
		return 0, &RecordError{Index: int(w.FirstNullKey), Reason: "compacted topics take no record without key", Err: ErrInvalidRecord}
	}
	if createTime {
		if err := admitTimestamp(w.MaxTimestamp, int(w.MaxTimestampIndex), c, nowMs); err != nil {
			return 0, err
		}
		if err := admitTimestamp(w.MinTimestamp, int(w.MinTimestampIndex), c, nowMs); err != nil {
			return 0, err
		}
	}
	return w.MaxTimestamp, nil
}

func admitTimestamp(ms int64, index int, c *Config, nowMs int64) error {
	switch {
	case ms == noTimestamp:
		return nil
	case ms < 0:
		return &RecordError{Index: index, Reason: fmt.Sprintf("timestamp %d is negative", ms), Err: ErrInvalidTimestamp}
	case ms-nowMs > c.TimestampAfterMaxMs:
		return &RecordError{Index: index, Reason: fmt.Sprintf("timestamp %d is more than %d ms after the log's time", ms, c.TimestampAfterMaxMs), Err: ErrInvalidTimestamp}
	case nowMs-ms > c.TimestampBeforeMaxMs:
		return &RecordError{Index: index, Reason: fmt.Sprintf("timestamp %d is more than %d ms before the log's time", ms, c.TimestampBeforeMaxMs), Err: ErrInvalidTimestamp}
	}
	return nil
}

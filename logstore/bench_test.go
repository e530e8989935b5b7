package logstore_test

import (
	"context"
	"fmt"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// benchLog is a log on the real file system.
func benchLog(b *testing.B, d logstore.Durability) *logstore.Log {
	b.Helper()
	s, err := logstore.Open(b.TempDir(), logstore.Options{})
	must(b, err)
	b.Cleanup(func() { must(b, s.Close()) })
	c := logstore.DefaultConfig()
	c.Durability, c.RetentionBytes, c.RetentionMs, c.SegmentBytes, c.FileDeleteDelayMs = d, 256<<20, -1, 64<<20, 0
	l, err := s.Create(tp, logstore.TopicID{}, c)
	must(b, err)
	return l
}

// batchBytes is a batch of about n bytes of 1 KiB records.
func batchBytes(tb testing.TB, n int) []byte {
	b := record.NewBuilder(record.BuilderOptions{})
	value := make([]byte, min(n, 1024)-80)
	for b.Size() < n-1024 || b.Count() == 0 {
		b.Append(1_700_000_000_000, nil, value)
	}
	batch, err := b.Finish()
	must(tb, err)
	return batch
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l, batch := benchLog(b, logstore.OS), batchBytes(b, n)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.AppendLeader(batch, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendSynced(b *testing.B) {
	l, batch := benchLog(b, logstore.Synced), batchBytes(b, 1<<10)
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		own := append([]byte(nil), batch...)
		for p.Next() {
			a, err := l.AppendLeader(own, 0)
			if err == nil {
				err = l.Wait(b.Context(), logstore.HighWatermark, a.Last+1)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	l, batch := benchLog(b, logstore.OS), batchBytes(b, 16<<10)
	for range 4096 {
		if _, err := l.AppendLeader(batch, 0); err != nil {
			b.Fatal(err)
		}
	}
	end := l.Offset(logstore.HighWatermark)
	b.ReportAllocs()
	var f logstore.Fetch
	from := int64(0)
	for b.Loop() {
		must(b, l.Read(&f, from%end, logstore.HighWatermark, 64<<10, true))
		f.Release()
		from += 64 * 15
	}
}

func BenchmarkRecords(b *testing.B) {
	for _, n := range []int{1 << 10, 16 << 10, 64 << 10} {
		l, batch := benchLog(b, logstore.OS), batchBytes(b, n)
		for range (64 << 20) / len(batch) {
			_, err := l.AppendLeader(batch, 0)
			must(b, err)
		}
		end := l.Offset(logstore.HighWatermark)
		b.Run(fmt.Sprintf("scan/%d", n), func(b *testing.B) {
			b.SetBytes(l.Bytes())
			b.ReportAllocs()
			for b.Loop() {
				records := int64(0)
				for _, err := range l.Records(b.Context(), 0, logstore.HighWatermark) {
					must(b, err)
					records++
				}
				if records != end {
					b.Fatal(records)
				}
			}
		})
		for name, one := range map[string]func(from int64) error{
			"first of Records": func(from int64) error {
				for _, err := range l.Records(b.Context(), from, logstore.HighWatermark) {
					return err
				}
				return nil
			},
			"RecordAt": func(from int64) error {
				_, _, err := l.RecordAt(b.Context(), from, logstore.HighWatermark)
				return err
			},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				from := int64(0)
				for b.Loop() {
					must(b, one(from%end))
					from += 7919
				}
			})
		}
	}
}

func BenchmarkAppendRecords(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l, records := benchLog(b, logstore.OS), make([]record.Record, n)
			for i := range records {
				records[i].Value = make([]byte, 1024)
			}
			b.SetBytes(int64(1024 * n))
			b.ReportAllocs()
			for b.Loop() {
				_, err := l.Append(b.Context(), records...)
				must(b, err)
			}
		})
	}
}

// One producer, each append on stable storage before the next; with a context
// that may end, a goroutine commits instead of the producer.
func BenchmarkAppendRecordsSynced(b *testing.B) {
	for name, ctx := range map[string]context.Context{"background": context.Background(), "context": b.Context()} {
		b.Run(name, func(b *testing.B) {
			l, r := benchLog(b, logstore.Synced), record.Record{Value: make([]byte, 1024)}
			b.ReportAllocs()
			for b.Loop() {
				_, err := l.Append(ctx, r)
				must(b, err)
			}
		})
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/topics"
)

// Topics that are written, and what they are for.
const (
	plain        = "plain"        // two partitions, every codec, idempotent or not, headers and nulls
	transactions = "transactions" // committed and aborted, over several segments
	compacted    = "compacted"    // cleaned by Kafka
	configured   = "configured.by-hand_1"
	cut          = "cut" // its first records deleted
	empty        = "empty"
)

// writer lets clients write to a Kafka.
type writer struct {
	addr   string
	random *rand.Rand
	// scale is what is written more of than the least.
	scale int
}

func set(pairs ...string) map[string]*string {
	m := map[string]*string{}
	for n := 0; n < len(pairs); n += 2 {
		m[pairs[n]] = &pairs[n+1]
	}
	return m
}

func (w *writer) all(ctx context.Context) error {
	segment := fmt.Sprint(32 << 10 * w.scale)
	return errors.Join(
		topics.Create(ctx, w.addr, plain, 2, set("internal.segment.bytes", segment)),
		topics.Create(ctx, w.addr, transactions, 1, set("internal.segment.bytes", segment)),
		topics.Create(ctx, w.addr, compacted, 1, set("internal.segment.bytes", segment, "cleanup.policy", "compact", "min.compaction.lag.ms", "0")),
		topics.Create(ctx, w.addr, configured, 3, set("retention.ms", "86400000000", "max.message.bytes", "2000000", "message.timestamp.type", "LogAppendTime", "cleanup.policy", "compact,delete", "unclean.leader.election.enable", "true")),
		topics.Create(ctx, w.addr, cut, 1, nil),
		topics.Create(ctx, w.addr, empty, 2, nil),
		w.plain(ctx), w.transactions(ctx), w.compacted(ctx), w.configured(ctx), w.cut(ctx), w.groups(ctx), w.cluster(ctx))
}

// classic writes what Moldau has already: no transactions, groups of the classic
// protocol only.
func (w *writer) classic(ctx context.Context) error {
	return errors.Join(
		topics.Create(ctx, w.addr, plain, 2, set("internal.segment.bytes", fmt.Sprint(32<<10*w.scale), "moldau.durability", "os")),
		topics.Create(ctx, w.addr, configured, 3, set("retention.ms", "86400000000", "max.message.bytes", "2000000")),
		topics.Create(ctx, w.addr, cut, 1, nil),
		topics.Create(ctx, w.addr, empty, 2, nil),
		w.plain(ctx), w.configured(ctx), w.cut(ctx), w.consume(ctx, classic))
}

func (w *writer) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
	return b
}

func (w *writer) client(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(w.addr)}, options...)...)
}

var codecs = []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}

func (w *writer) plain(ctx context.Context) error {
	for n, codec := range codecs {
		options := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(8 << 10), kgo.RecordPartitioner(kgo.ManualPartitioner())}
		if n%2 == 1 {
			options = append(options, kgo.DisableIdempotentWrite())
		}
		cl, err := w.client(options...)
		if err != nil {
			return err
		}
		var records []*kgo.Record
		for i := range 60 * w.scale {
			r := &kgo.Record{Topic: plain, Partition: int32(i % 2), Key: fmt.Appendf(nil, "key %d", i), Value: append([]byte(strings.Repeat("text ", 20)), w.noise(100)...)}
			switch i % 7 {
			case 1:
				r.Key = nil
			case 2:
				r.Value = nil
			case 3:
				r.Headers = []kgo.RecordHeader{{Key: "h", Value: w.noise(9)}, {Key: "", Value: nil}}
			}
			records = append(records, r)
		}
		err = cl.ProduceSync(ctx, records...).FirstErr()
		cl.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// transactions writes some, every third aborted. One more commits a group's
// offsets.
func (w *writer) transactions(ctx context.Context) error {
	for n, codec := range codecs {
		cl, err := w.client(kgo.DefaultProduceTopic(transactions), kgo.ProducerBatchCompression(codec),
			kgo.TransactionalID(fmt.Sprint("interchange-", n)), kgo.ProducerBatchMaxBytes(8<<10))
		if err != nil {
			return err
		}
		for transaction := range 6 {
			if err = cl.BeginTransaction(); err != nil {
				break
			}
			var records []*kgo.Record
			for range 10 * w.scale {
				records = append(records, &kgo.Record{Key: w.noise(8), Value: w.noise(300)})
			}
			if err = errors.Join(cl.ProduceSync(ctx, records...).FirstErr(), cl.EndTransaction(ctx, kgo.TransactionEndTry(transaction%3 != 0))); err != nil {
				break
			}
		}
		cl.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) compacted(ctx context.Context) error {
	cl, err := w.client(kgo.DefaultProduceTopic(compacted), kgo.ProducerBatchMaxBytes(8<<10))
	if err != nil {
		return err
	}
	defer cl.Close()
	for range 12 {
		var records []*kgo.Record
		for range 40 * w.scale {
			r := &kgo.Record{Key: fmt.Append(nil, w.random.IntN(100*w.scale)), Value: w.noise(200)}
			if w.random.IntN(20) == 0 {
				r.Value = nil
			}
			records = append(records, r)
		}
		if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) configured(ctx context.Context) error {
	cl, err := w.client(kgo.DefaultProduceTopic(configured))
	if err != nil {
		return err
	}
	defer cl.Close()
	var records []*kgo.Record
	for n := range 50 {
		records = append(records, &kgo.Record{Key: fmt.Append(nil, n), Value: w.noise(50)})
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}

func (w *writer) cut(ctx context.Context) error {
	cl, err := w.client(kgo.DefaultProduceTopic(cut), kgo.ProducerBatchMaxBytes(1<<10))
	if err != nil {
		return err
	}
	defer cl.Close()
	for range 20 {
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: w.noise(100)}, &kgo.Record{Value: w.noise(100)}).FirstErr(); err != nil {
			return err
		}
	}
	var until kadm.Offsets
	until.Add(kadm.Offset{Topic: cut, Partition: 0, At: 14})
	deleted, err := kadm.NewClient(cl).DeleteRecords(ctx, until)
	return errors.Join(err, deleted.Error())
}

// Groups that consume: by the classic protocol, and by that of KIP-848.
const (
	classic     = "readers"
	newProtocol = "new-protocol"
)

// groups lets groups consume and leave, one commit by hand, and one commit in a
// transaction.
func (w *writer) groups(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := errors.Join(w.consume(ctx, classic), w.consume(ctx, newProtocol)); err != nil {
		return err
	}
	cl, err := w.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	byHand := kadm.Offsets{}
	byHand.Add(kadm.Offset{Topic: plain, Partition: 1, At: 7, LeaderEpoch: 0, Metadata: "seven, by hand"})
	byHand.Add(kadm.Offset{Topic: compacted, Partition: 0, At: 3, LeaderEpoch: -1})
	committed, err := kadm.NewClient(cl).CommitOffsets(ctx, "by-hand", byHand)
	return errors.Join(err, committed.Error(), w.transactionalGroup(ctx))
}

// consume lets a group read some of its topics' records, and commit.
func (w *writer) consume(ctx context.Context, group string) error {
	options := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(plain, configured), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit()}
	if group == newProtocol {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	cl, err := w.client(options...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for got := 0; got < 100; {
		fetches := cl.PollRecords(ctx, 40)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("group %s: %w", group, err)
		}
		got += fetches.NumRecords()
	}
	defer cl.LeaveGroup()
	return cl.CommitUncommittedOffsets(ctx)
}

func (w *writer) transactionalGroup(ctx context.Context) error {
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(w.addr), kgo.ConsumerGroup("exactly-once"), kgo.TransactionalID("interchange-group"),
		kgo.ConsumeTopics(cut), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DefaultProduceTopic(configured), kgo.RequireStableFetchOffsets())
	if err != nil {
		return err
	}
	defer s.Close()
	fetches := s.PollFetches(ctx)
	if err := errors.Join(fetches.Err(), s.Begin()); err != nil {
		return err
	}
	if err := s.ProduceSync(ctx, &kgo.Record{Key: []byte("k"), Value: []byte("consumed and produced")}).FirstErr(); err != nil {
		return err
	}
	ended, err := s.End(ctx, kgo.TryCommit)
	if err == nil && !ended {
		err = errors.New("the transaction with offsets was aborted")
	}
	return err
}

// cluster sets what is the cluster's: a config of the broker, and what Moldau has
// no counterpart of.
func (w *writer) cluster(ctx context.Context) error {
	cl, err := w.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	value := "3000000"
	altered, err1 := adm.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.max.bytes", Value: &value}}, 1)
	user := "alice"
	quotas, err2 := adm.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "user", Name: &user}},
		Ops:    []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1e6}},
	}})
	scrams, err3 := adm.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "secret"}})
	err = errors.Join(err1, err2, err3, scrams.Error())
	for _, a := range altered {
		err = errors.Join(err, a.Err)
	}
	for _, q := range quotas {
		err = errors.Join(err, q.Err)
	}
	return err
}

// awaitCleaner waits until Kafka has compacted something.
func awaitCleaner(ctx context.Context, logDir string) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		b, err := os.ReadFile(logDir + "/cleaner-offset-checkpoint")
		if err == nil && strings.Contains(string(b), compacted+" 0 ") {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errors.New("Kafka's cleaner does not start")
}

// goOn lets clients go on where they were: a producer appends, groups resume at
// their committed offsets, by the classic protocol now.
func goOn(ctx context.Context, addr string, before *holding) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	last := &kgo.Record{Topic: plain, Partition: 0, Value: []byte("written after the move")}
	if err := cl.ProduceSync(ctx, last).FirstErr(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	if want := before.Topics[plain].Partitions[0].End; last.Offset != want {
		return fmt.Errorf("the first record goes to offset %d, where the log ended at %d", last.Offset, want)
	}
	for _, group := range []string{classic, newProtocol} {
		if before.Groups[group] == nil {
			continue
		}
		if err := resume(ctx, addr, group, before); err != nil {
			return err
		}
	}
	return nil
}

// resume lets a group go on.
func resume(ctx context.Context, addr, group string, before *holding) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumerGroup(group), kgo.ConsumeTopics(plain, configured), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxPartitionBytes(1))
	if err != nil {
		return err
	}
	defer cl.Close()
	for first := map[string]bool{}; len(first) == 0; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("group %s resumes: %w", group, err)
		}
		var wrong error
		fetches.EachRecord(func(r *kgo.Record) {
			p := fmt.Sprintf("%s-%d", r.Topic, r.Partition)
			if committed := before.Groups[group][p]; !first[p] && !strings.HasPrefix(committed, fmt.Sprintf("offset %d ", r.Offset)) {
				wrong = fmt.Errorf("group %s resumes %s at offset %d, committed was %s", group, p, r.Offset, committed)
			}
			first[p] = true
		})
		if wrong != nil {
			return wrong
		}
	}
	defer cl.LeaveGroup()
	return cl.CommitUncommittedOffsets(ctx)
}

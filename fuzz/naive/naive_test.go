package naive_test

import (
	"bytes"
	"slices"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/naive"
)

// What Apache Kafka wrote is read to its end, the indexes as well, and producers and
// aborted transactions are those of the files beside.
func TestKafkaFiles(t *testing.T) {
	files, err := corpus.Files(".log", ".txnindex", ".snapshot")
	if err != nil {
		t.Fatal(err)
	}
	logs, indexes := 0, 0
	for _, f := range files {
		name, isLog := bytes.CutSuffix([]byte(f.Name), []byte("00000000000000000000.log"))
		if !isLog || !bytes.HasSuffix(name, []byte("transactions-0/")) {
			continue
		}
		logs++
		s := naive.ReadSegment(f.Content, 0)
		if s.Bytes != int64(len(f.Content)) {
			t.Errorf("%s: %d of %d bytes are sound", f.Name, s.Bytes, len(f.Content))
		}
		txns := naive.Follow(s.Batches, func(b *naive.Batch) ([]byte, error) { return b.Payload(), nil })
		for _, beside := range files {
			dir, isIndex := bytes.CutSuffix([]byte(beside.Name), []byte("00000000000000000000.txnindex"))
			if !isIndex || !bytes.Equal(dir, name) {
				continue
			}
			indexes++
			want, err := naive.TxnEntries(beside.Content, 0)
			if err != nil || !slices.Equal(txns.Index, want) || !bytes.Equal(naive.TxnIndex(want), beside.Content) {
				t.Errorf("%s: aborted are %v, the index has %v, %v", f.Name, txns.Index, want, err)
			}
		}
	}
	if logs < 3 || indexes < 3 {
		t.Errorf("%d logs with transactions, %d indexes", logs, indexes)
	}
}

func TestRecordsRefuse(t *testing.T) {
	b := naive.Batch{Count: 1}
	good := naive.Record{Key: []byte("k"), Headers: []naive.Header{{Key: []byte("h")}}}
	plain := good.Append(nil)
	if all, err := b.Records(plain); err != nil || len(all) != 1 || string(all[0].Key) != "k" || all[0].Value != nil {
		t.Fatalf("%+v, %v", all, err)
	}
	for i := range plain {
		if _, err := b.Records(plain[:i]); err == nil {
			t.Errorf("the first %d bytes are accepted", i)
		}
	}
	for _, bad := range [][]byte{append(bytes.Clone(plain), 0), {0x80, 0}, append(good.Append(nil), plain...)} {
		if _, err := b.Records(bad); err == nil {
			t.Errorf("%x is accepted", bad)
		}
	}
	later := naive.Record{Delta: 1}
	if _, err := b.Records(later.Append(nil)); err == nil {
		t.Error("an offset delta behind the last is accepted")
	}
}

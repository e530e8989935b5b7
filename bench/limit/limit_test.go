package limit_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/bench/limit"
	"moldau/bench/wire"
	"moldau/server/servertest/certificate"
)

// served runs a program for the length of a test, and returns its address and a
// function that ends it and returns its error.
func served(t *testing.T, run func(context.Context, net.Listener) error) (addr string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, l) }()
	return l.Addr().String(), func() error { cancel(); return <-done }
}

func dial(t *testing.T, addr string) *wire.Conn { return dialBy(t, addr, nil) }

// dialBy connects, by TLS where there is a config.
func dialBy(t *testing.T, addr string, config *tls.Config) *wire.Conn {
	t.Helper()
	var conn *wire.Conn
	var err error
	if config != nil {
		conn, err = wire.DialTLS(context.Background(), addr, config)
	} else {
		conn, err = wire.Dial(context.Background(), addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// servedBy is served of a program that may speak TLS, and how that is connected to.
func servedBy(t *testing.T, secure bool, run func(context.Context, net.Listener) error) (addr string, end func() error, trusting *tls.Config) {
	t.Helper()
	if !secure {
		addr, end = served(t, run)
		return addr, end, nil
	}
	both, public, err := certificate.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	secured, trusting, err := certificate.Configs(both, public)
	if err != nil {
		t.Fatal(err)
	}
	addr, end = served(t, func(ctx context.Context, l net.Listener) error {
		return run(ctx, limit.SecureListener(l, secured))
	})
	return addr, end, trusting
}

// The replay client's own requests are acknowledged, several in flight too, and
// are in the file byte by byte, whether they come by TLS or not.
func TestIngestKeepsAndAcknowledges(t *testing.T) {
	for _, secure := range []bool{false, true} {
		dir := t.TempDir()
		run := func(ctx context.Context, l net.Listener) error { return limit.ServeIngest(ctx, l, dir) }
		addr, end, trusting := servedBy(t, secure, run)
		batch, records := wire.Batch(1024, 200<<10) // above what the program reads at once, with two
		const requests = 10
		acknowledged(t, dialBy(t, addr, trusting), wire.NewProduce("topic", []int32{3, 5}, batch, records), requests)
		if n := held(t, filepath.Join(dir, "ingest-1"), batch); n != 2*requests {
			t.Errorf("by TLS %v: %d batches, sent were %d", secure, n, 2*requests)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}

// acknowledged sends requests, all in flight, and takes their acknowledgements.
func acknowledged(t *testing.T, conn *wire.Conn, p *wire.Produce, requests int32) {
	t.Helper()
	go func() {
		for id := range requests {
			if err := p.Send(conn, id); err != nil {
				t.Error(err)
			}
		}
	}()
	for id := range requests {
		if err := p.Receive(conn, id); err != nil {
			t.Error(err)
			return
		}
	}
}

// held is how many of a batch an ingest program's file has.
func held(t *testing.T, name string, batch []byte) int {
	t.Helper()
	kept, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(kept, batch)
}

// All connections write to one file, which holds each request once until it is
// overwritten, and does not grow.
func TestIngestSyncedSharesAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ingest")
	const size = 1 << 20
	file, err := limit.CreateOverwritten(name, size)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	addr, end := served(t, func(ctx context.Context, l net.Listener) error { return limit.ServeIngestSynced(ctx, l, file) })
	batch, records := wire.Batch(1024, 4<<10)
	send := func(connections int, requests int32) {
		var wait sync.WaitGroup
		for range connections {
			conn := dial(t, addr)
			wait.Go(func() { acknowledged(t, conn, wire.NewProduce("topic", []int32{0}, batch, records), requests) })
		}
		wait.Wait()
	}
	send(3, 50) // of 4 KiB and more: some 600 KiB
	if n := held(t, name, batch); n != 3*50 {
		t.Errorf("%d batches of three connections, sent were %d", n, 3*50)
	}
	send(2, 100)
	if info, err := os.Stat(name); err != nil || info.Size() != size {
		t.Errorf("%d bytes, must stay %d: %v", info.Size(), size, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestIngestChecks(t *testing.T) {
	addr, end := served(t, func(ctx context.Context, l net.Listener) error { return limit.ServeIngest(ctx, l, t.TempDir()) })
	batch, records := wire.Batch(100, 1000)
	batch[len(batch)-1] ^= 1
	conn := dial(t, addr)
	if err := wire.NewProduce("topic", []int32{0}, batch, records).Send(conn, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a batch with a wrong CRC: %v, must end the connection", err)
	}
	if err := end(); err == nil {
		t.Error("the program saw nothing wrong")
	}
}

// The answers are what another's codec reads, and their bytes are the file's, in
// their order, from its beginning again where it is at its end.
func TestEgressAnswersWithTheFilesBytes(t *testing.T) {
	content := make([]byte, 100_000)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		way      limit.Way
		bytesMax int32
		secure   bool
	}{{limit.Sendfile, 30_000, false}, {limit.Copy, 30_001, false}, {limit.Map, 29_999, false}, {limit.Copy, 30_002, true}, {limit.Pieces, 30_003, true}} {
		way, bytesMax := c.way, c.bytesMax
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		run := func(ctx context.Context, l net.Listener) error { return limit.ServeEgress(ctx, l, file, way) }
		addr, end, trusting := servedBy(t, c.secure, run)
		conn := dialBy(t, addr, trusting)
		fetch := wire.NewFetch("topic", []int64{100, 100}, bytesMax, 1000, 1)
		const first = 1000
		at := first
		for id := range int32(5) {
			if err := fetch.Send(conn, id); err != nil {
				t.Fatal(err)
			}
			resp := answer(t, conn, id)
			if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 2 || resp.Topics[0].Topic != "topic" {
				t.Fatalf("way %d: %+v", way, resp)
			}
			for i, p := range resp.Topics[0].Partitions {
				if at+int(bytesMax) > len(content) {
					at = first
				}
				if want := content[at : at+int(bytesMax)]; int(p.Partition) != i || p.ErrorCode != 0 || !bytes.Equal(p.RecordBatches, want) {
					t.Fatalf("way %d: answer %d, partition %d has %d bytes, code %d", way, id, p.Partition, len(p.RecordBatches), p.ErrorCode)
				}
				at += int(bytesMax)
			}
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		file.Close()
	}
}

func answer(t *testing.T, conn *wire.Conn, id int32) *kmsg.FetchResponse {
	t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		t.Fatal(err)
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != id {
		t.Fatalf("answer %d, due is %d", got, id)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(11)
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	return resp
}

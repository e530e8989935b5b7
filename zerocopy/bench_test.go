//go:build unix

package zerocopy_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/zerocopy"
)

const drainEnv = "ZEROCOPY_DRAIN"

func TestMain(m *testing.M) {
	if addr := os.Getenv(drainEnv); addr != "" {
		drain(addr)
	}
	os.Exit(m.Run())
}

// drain is the reading end of the benchmark, in a process of its own so that
// what it costs is not counted. It answers each message with one byte.
func drain(addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		os.Exit(1)
	}
	var messageBytes int
	if _, err := fmt.Fscanln(conn, &messageBytes); err != nil {
		os.Exit(1)
	}
	b := make([]byte, messageBytes)
	for {
		if _, err := io.ReadFull(conn, b); err != nil {
			os.Exit(0)
		}
		if _, err := conn.Write(b[:1]); err != nil {
			os.Exit(0)
		}
	}
}

// BenchmarkPaths sends answers of one and six partitions, each by sendfile and
// copied: where the two meet is what SendfileMin should be. cpu-ns/op is this
// process alone, user and system.
func BenchmarkPaths(b *testing.B) {
	for _, partitions := range []int{1, 6} {
		for _, kib := range []int{1, 2, 4, 8, 16, 32, 64, 128, 1024} {
			for _, path := range []string{"sendfile", "copied"} {
				b.Run(fmt.Sprintf("partitions=%d/KiB=%d/%s", partitions, kib, path), func(b *testing.B) {
					benchmarkPath(b, partitions, kib<<10, path == "copied")
				})
			}
		}
	}
}

func benchmarkPath(b *testing.B, partitions, sectionBytes int, copied bool) {
	f := osFile{tempFile(b, pattern(partitions*sectionBytes))}
	parts := make([]zerocopy.Part, partitions)
	for i := range parts {
		parts[i].Bytes = make([]byte, 60)
		parts[i].Section = zerocopy.Section{File: f, Offset: int64(i * sectionBytes), Length: sectionBytes}
		if copied {
			parts[i].Section.File = readerOnly{f}
		}
	}
	conn := drainedConn(b, partitions*(60+sectionBytes))
	s := zerocopy.NewSender(conn)
	ack := make([]byte, 1)
	b.SetBytes(int64(partitions * sectionBytes))
	b.ReportAllocs()
	before := cpuNs(b)
	for b.Loop() {
		if _, err := s.Send(parts); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, ack); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuNs(b)-before)/float64(b.N), "cpu-ns/op")
}

func drainedConn(b *testing.B, messageBytes int) net.Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), drainEnv+"="+l.Addr().String())
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		child.Wait()
	})
	fmt.Fprintln(conn, messageBytes)
	return conn
}

func cpuNs(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

package wire_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"moldau/server/wire"
)

// One request after the other over loopback, client included: what a request
// costs besides what it does.
func BenchmarkRequest(b *testing.B) {
	for _, bodyBytes := range []int{0, 16 << 10, 1 << 20} {
		for _, parks := range []bool{false, true} {
			b.Run(fmt.Sprintf("bytes=%d/parked=%t", bodyBytes, parks), func(b *testing.B) {
				reply := ready("ok")
				if parks {
					reply = parked(func(context.Context) (wire.Response, error) { return pong("ok"), nil })
				}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				s := wire.NewServer(wire.Options{Handler: answering(reply)})
				go s.Serve(l)
				defer s.Shutdown(context.Background())
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				request, response := frame(1, strings.Repeat("x", bodyBytes)), make([]byte, 10)
				b.SetBytes(int64(len(request)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Write(request); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(c, response); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// What handing a reply to the writing goroutine costs: while that waits for it,
// and while it has others to see to.
func BenchmarkReplyQueue(b *testing.B) {
	for _, burst := range []int{1, 4, 64} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			q := wire.NewReplyQueue(64)
			through := make(chan struct{}, 1)
			go func() {
				defer close(through)
				for n := 1; ; n++ {
					if _, ok := q.Take(); !ok {
						return
					}
					if n%burst == 0 {
						through <- struct{}{}
					}
				}
			}()
			b.ReportAllocs()
			for b.Loop() {
				for id := range burst {
					q.Put(int32(id))
				}
				<-through
			}
			q.Close()
			<-through
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/reply")
		})
	}
}

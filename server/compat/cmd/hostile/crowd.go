package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// crowd is many connections that cost their clients nothing.
type crowd struct {
	addr   string
	n      int
	hold   time.Duration
	random *rand.Rand

	opened, refused, cut atomic.Int64
}

// announced is what a frame is said to have that never comes.
const announced = 90 << 20

func (c *crowd) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.hold)
	defer cancel()
	conns := make([]net.Conn, 0, c.n)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	metadata := frame(kmsg.NewPtrMetadataRequest(), 12)
	var trickling []net.Conn
	for i := range c.n {
		conn, err := dial(c.random, c.addr)
		if err != nil {
			c.refused.Add(1)
			continue
		}
		c.opened.Add(1)
		conns = append(conns, conn)
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		switch i % 4 {
		case 0: // promises
			_, err = conn.Write(binary.BigEndian.AppendUint32(nil, announced))
		case 1: // trickles
			trickling = append(trickling, conn)
		case 2: // never reads; a full window ends its sending
			_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Millisecond))
			for err = nil; err == nil; {
				_, err = conn.Write(metadata)
			}
			if errors.Is(err, errTimeout) {
				err = nil
			}
		case 3: // is idle
		}
		if isCut(err) {
			c.cut.Add(1)
		}
	}
	for at := 0; ctx.Err() == nil; at++ {
		for _, conn := range trickling {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := conn.Write(metadata[at%len(metadata) : at%len(metadata)+1]); isCut(err) {
				c.cut.Add(1)
			}
		}
		_ = pause(ctx, time.Second)
	}
	return nil
}

func (c *crowd) told() string {
	return fmt.Sprintf("crowd: %d connections opened, %d refused, %d writes met a closed one\n", c.opened.Load(), c.refused.Load(), c.cut.Load())
}

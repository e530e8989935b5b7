package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"moldau/bench/wire"
	"moldau/server/compat/broker"
)

func main() {
	binary := flag.String("moldau", "", "the built `binary`")
	runs := flag.Int("runs", 10, "how often")
	limit := flag.Duration("limit", 100*time.Millisecond, "fail if the median is above this")
	durability := flag.String("durability", "", "Moldau's durability: synced, os; empty is its default")
	flag.Parse()
	if *binary == "" || flag.NArg() > 0 || *runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	var took []time.Duration
	for run := range *runs {
		d, err := once(context.Background(), *binary, *durability)
		if err != nil {
			fmt.Fprintln(os.Stderr, "first-ack:", err)
			os.Exit(1)
		}
		fmt.Printf("run %d: %.1f ms\n", run+1, d.Seconds()*1000)
		took = append(took, d)
	}
	slices.Sort(took)
	median := took[len(took)/2]
	fmt.Printf("exec to first acknowledged produce, %d runs: median %.1f ms, fastest %.1f ms, slowest %.1f ms\n",
		len(took), median.Seconds()*1000, took[0].Seconds()*1000, took[len(took)-1].Seconds()*1000)
	if median > *limit {
		fmt.Printf("above the limit of %v\n", *limit)
		os.Exit(1)
	}
}

// once starts a broker on a new directory and produces as soon as it can.
func once(ctx context.Context, binary, durability string) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "first-ack-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	port, err := broker.FreePort()
	if err != nil {
		return 0, err
	}
	batch, records := wire.Batch(100, 1)
	produce := wire.NewProduce("first", []int32{0}, batch, records)
	launch := broker.Launch{Binary: binary, Dir: dir, Port: port, Durability: durability}
	start := time.Now()
	b, err := broker.Spawn(ctx, launch)
	if err != nil {
		return 0, err
	}
	err = acknowledge(ctx, b, produce)
	took := time.Since(start)
	return took, errors.Join(err, b.Stop())
}

// acknowledge connects as soon as the port is open, lets the topic be created
// and produces one record to it.
func acknowledge(ctx context.Context, b *broker.Broker, produce *wire.Produce) error {
	conn, err := connect(ctx, b)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	// A topic that is being created may be without leader (5) or unknown (3).
	for id := int32(0); ; id++ {
		code, err := wire.AutoCreate(conn, "first", id)
		if err != nil {
			return err
		}
		if code == 0 {
			break
		}
		if code != 3 && code != 5 {
			return &wire.Refusal{Code: code}
		}
	}
	if err := produce.Send(conn, 1<<20); err != nil {
		return err
	}
	return produce.Receive(conn, 1<<20)
}

func connect(ctx context.Context, b *broker.Broker) (*wire.Conn, error) {
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := wire.Dial(ctx, b.Addr())
		if err == nil {
			return conn, nil
		}
		select {
		case <-b.Exited():
			return nil, fmt.Errorf("the broker ended, see %s", b.LogFile())
		default:
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		time.Sleep(200 * time.Microsecond) // a refused connection on loopback costs microseconds
	}
}

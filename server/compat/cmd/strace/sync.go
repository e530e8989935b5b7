package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	readCalls  = "read,readv,recvfrom,recvmsg"
	writeCalls = "write,writev,sendto,sendmsg"
	fileWrites = "pwrite64,pwritev,pwritev2"
	syncCalls  = "fsync,fdatasync"
)

func among(name, list string) bool {
	for n := range strings.SplitSeq(list, ",") {
		if n == name {
			return true
		}
	}
	return false
}

// acknowledged is how many records are produced one by one.
const acknowledged = 20

// proveSync shows, for each record: its request is read from a socket, its
// batch is written to the log's file, that file is synced, and only when the
// sync has returned the socket is written to.
func proveSync(ctx context.Context, durability string) (err error) {
	t, err := startTraced(ctx, durability, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	marker := func(i int) string { return fmt.Sprintf("traced-record-%04d", i) }
	// The first record brings the connection and the segment's own syncs.
	if err := t.client.ProduceSync(ctx, kgo.StringRecord("warm-up")).FirstErr(); err != nil {
		return err
	}
	calls, err := t.watch(ctx, strings.Join([]string{readCalls, writeCalls, fileWrites, syncCalls}, ","), func() error {
		for i := range acknowledged {
			if err := t.client.ProduceSync(ctx, kgo.StringRecord(marker(i))).FirstErr(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range acknowledged {
		chain, err := order(calls, marker(i))
		if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		if i == 0 {
			for _, c := range chain {
				fmt.Printf("%6d-%-6d %s\n", c.Begin, c.End, c.short())
			}
		}
	}
	fmt.Printf("%d acknowledgements, each after the sync of what it acknowledges\n", acknowledged)
	return nil
}

// order finds the four calls of one record and fails unless each had ended
// before the next began.
func order(calls []call, marker string) (chain []call, err error) {
	sort.Slice(calls, func(i, j int) bool { return calls[i].Begin < calls[j].Begin })
	find := func(what string, after int, match func(*call) bool) (*call, error) {
		for i := range calls {
			if c := &calls[i]; c.Begin > after && c.succeeded() && match(c) {
				return c, nil
			}
		}
		return nil, fmt.Errorf("no %s", what)
	}
	read, err := find("read of the request", -1, func(c *call) bool {
		return among(c.Name, readCalls) && strings.Contains(c.Text, marker) && strings.HasPrefix(c.descriptor(), "TCP")
	})
	if err != nil {
		return nil, err
	}
	written, err := find("write of the batch", read.End, func(c *call) bool {
		return among(c.Name, fileWrites) && strings.Contains(c.Text, marker) && strings.HasSuffix(c.descriptor(), ".log")
	})
	if err != nil {
		return nil, err
	}
	reply, err := find("reply", written.End, func(c *call) bool {
		return among(c.Name, writeCalls) && c.descriptor() == read.descriptor()
	})
	if err != nil {
		return nil, err
	}
	synced, err := find("sync of the file", written.End, func(c *call) bool {
		return among(c.Name, syncCalls) && c.descriptor() == written.descriptor()
	})
	if err != nil {
		return nil, err
	}
	if synced.End > reply.Begin {
		return nil, fmt.Errorf("the reply leaves at %d, the sync ends at %d", reply.Begin, synced.End)
	}
	return []call{*read, *written, *synced, *reply}, nil
}

// proveNoSync shows that the proof can fail: in os mode nothing is synced.
func proveNoSync(ctx context.Context) error {
	err := proveSync(ctx, "os")
	if err == nil {
		return errors.New("a log in os mode passes: the proof proves nothing")
	}
	if !strings.HasPrefix(err.Error(), "record 0: ") {
		return err
	}
	fmt.Println("a log in os mode does not pass:", err)
	return proveSync(ctx, "synced")
}

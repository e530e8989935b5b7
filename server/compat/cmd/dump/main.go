package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"moldau/server/compat/dumplog"
	"moldau/server/compat/java"
)

const usage = `dump [--compacted TOPIC,TOPIC] DIR...   judge partition or log directories
dump --self-test                        plant faults in a good directory; each must be reported

Exit codes: 0 no fault, 1 faults found or the check failed, 2 usage.
`

func main() {
	compacted := flag.String("compacted", "", "topics in which gaps between offsets are no fault")
	selfTest := flag.Bool("self-test", false, "show that every planted fault is reported")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage); flag.PrintDefaults() }
	flag.Parse()
	if (flag.NArg() == 0) != *selfTest {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, *selfTest, *compacted, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "dump:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, selfTest bool, compacted string, dirs []string) (bool, error) {
	kafka, err := java.Install(ctx)
	if err != nil {
		return false, err
	}
	if selfTest {
		return plantFaults(ctx, kafka)
	}
	report, err := dumplog.Check(ctx, kafka, dirs, dumplog.Options{Compacted: compactedTopics(compacted)})
	if err != nil {
		return false, err
	}
	for _, f := range report.Findings {
		fmt.Println("FAULT", f)
	}
	fmt.Printf("%d partitions, %d files, %d batches, %d records: %d faults\n",
		report.Partitions, report.Files, report.Batches, report.Records, len(report.Findings))
	return len(report.Findings) == 0, nil
}

// compactedTopics adds the topics that Kafka itself always compacts.
func compactedTopics(list string) map[string]bool {
	topics := map[string]bool{"__consumer_offsets": true, "__transaction_state": true, "__share_group_state": true}
	for _, t := range strings.Split(list, ",") {
		if t != "" {
			topics[t] = true
		}
	}
	return topics
}

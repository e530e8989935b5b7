package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server"
	"moldau/server/servertest"
)

// newGroupSession spares what a group's first member waits for others, and the
// files of a busy cluster.
func newGroupSession(t *testing.T) session {
	return session{t, servertest.Start(t, server.Config{Properties: map[string]string{
		"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "1",
	}}).Addr()}
}

// fill makes a topic with ten records in each partition, the n-th of second n of
// a day.
func (s session) fill(topic string, partitions int) {
	s.t.Helper()
	s.done("topic", "create", topic, "--partitions", fmt.Sprint(partitions), "--config", "retention.ms=-1")
	for p := range partitions {
		var lines strings.Builder
		for i := range 10 {
			fmt.Fprintf(&lines, "%d p%do%d\n", 1_700_000_000_000+1000*i, p, i)
		}
		s.want(exitDone, lines.String(), "produce", topic, "-f", `%d %v\n`, "-p", fmt.Sprint(p))
	}
}

// describe is the description of one group.
func (s session) describe(group string) describedGroup {
	s.t.Helper()
	var described []describedGroup
	if err := json.Unmarshal([]byte(s.done("group", "describe", group, "--format", "json")), &described); err != nil {
		s.t.Fatal(err)
	}
	if len(described) != 1 {
		s.t.Fatalf("%d groups are described", len(described))
	}
	return described[0]
}

// offsets are the committed ones as topic-partition=offset.
func (s session) offsets(group string) string {
	s.t.Helper()
	var all []string
	for _, p := range s.describe(group).Partitions {
		if p.Committed != nil {
			all = append(all, fmt.Sprintf("%s-%d=%d", p.Topic, p.Partition, *p.Committed))
		}
	}
	return strings.Join(all, " ")
}

// join makes a member of a group that holds every partition of a topic.
func (s session) join(group, topic string) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit(), kgo.ClientID("member"), kgo.HeartbeatInterval(20*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	if err := client.PollRecords(s.t.Context(), 1).Err(); err != nil { // it is assigned then
		s.t.Fatal(err)
	}
}

func TestGroupResetPlaces(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 2)
	s.fill("bills", 1)
	s.done("group", "reset", "g", "--topic", "orders:0", "--to", "4")
	for _, tc := range []struct{ args, want string }{
		{"--topic orders --to beginning", "orders-0=0 orders-1=0"},
		{"--topic orders --to end", "orders-0=10 orders-1=10"},
		{"--topic orders:1 --to 3", "orders-0=10 orders-1=3"},
		{"--all-topics --shift-by -2", "orders-0=8 orders-1=1"},
		{"--all-topics --shift-by -2", "orders-0=6 orders-1=0"}, // not below the beginning
		{"--all-topics --shift-by 9223372036854775807", "orders-0=10 orders-1=10"},
		{"--all-topics --shift-by -9223372036854775808", "orders-0=0 orders-1=0"},
		{"--all-topics --to @1700000004500", "orders-0=5 orders-1=5"},
		{"--topic bills --topic orders:0 --to 2023-11-14T22:13:22Z", "bills-0=2 orders-0=2 orders-1=5"},
		{"--all-topics --to @1700000099000", "bills-0=10 orders-0=10 orders-1=10"},
		{"--all-topics --to 11", "bills-0=10 orders-0=10 orders-1=10"},
	} {
		before := s.offsets("g")
		out := s.done(append([]string{"group", "reset", "g", "--dry-run", "--format", "json"}, strings.Fields(tc.args)...)...)
		if got := s.offsets("g"); got != before {
			t.Errorf("%s: a dry run sets %s", tc.args, got)
		}
		s.done(append([]string{"group", "reset", "g"}, strings.Fields(tc.args)...)...)
		if got := s.offsets("g"); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.args, got, tc.want)
		}
		var report groupResetReport
		if err := json.Unmarshal([]byte(out), &report); err != nil || !report.DryRun || len(report.Partitions) == 0 {
			t.Fatalf("%s: %s, %v", tc.args, out, err)
		}
		for _, p := range report.Partitions {
			if after := fmt.Sprintf("%s-%d=%d", p.Topic, p.Partition, *p.After); !slices.Contains(strings.Fields(tc.want), after) {
				t.Errorf("%s: the dry run says %s", tc.args, after)
			}
		}
	}
}

func TestGroups(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 2)
	s.fill("bills", 1)
	for _, step := range []struct {
		code int
		args string
		want string // in standard output, or in the error where the code is not 0
	}{
		{0, "group list", "GROUP"},
		{1, "group describe none", "group none: "},
		{1, "group delete none", "failed: GROUP_ID_NOT_FOUND"},
		{1, "group delete none --dry-run", "failed"},
		{0, "group delete none --if-exists", "does not exist"},
		{0, "group delete none --if-exists --dry-run", "does not exist"},
		{1, "group reset none --all-topics --to end", "name topics with --topic"},
		{1, "group reset g --topic nope --to end", "topic nope: UNKNOWN_TOPIC_OR_PARTITION"},
		{1, "group reset g --topic bills:3 --to end", "it has no partition 3"},
		{1, "group reset g --topic bills --shift-by 1", "no offset is committed"},
		{1, "group describe g", "group g: "}, // so far nothing was set
		{0, "group reset g --topic orders --topic bills --to 4", "orders  1          -       4"},
		{0, "group reset g --topic orders:1 --to 99 --dry-run", "4       10     99 is outside of 0 to 10"},
		{0, "group reset g --topic orders:1 --to 99 --dry-run", "Nothing was set"},
		{0, "group reset h --topic bills --to end", "bills"},
		{0, "group describe g h", "group g, Empty, 0 members, lag 18"},
		{0, "group describe g h", "group h, Empty, 0 members, lag 0"},
		{1, "group describe g none", "group g, Empty"},
		{0, "group list --state EMPTY", "g      Empty"},
		{0, "group delete g --topic bills --topic orders:0 --dry-run", "would be deleted"},
		{0, "group delete g --topic bills --topic orders:0", "deleted"},
		{1, "group delete g --topic bills --topic orders:0", "no offset is committed"},
		{0, "group delete g --topic bills --if-exists", "does not exist"},
		{0, "group describe g", "lag 6"},
		{0, "group delete g h --dry-run", "would be deleted"},
		{0, "group delete g h", "deleted"},
		{1, "group delete g h", "2 of 2 deletions failed"},
	} {
		out, errOut := s.want(step.code, "", strings.Fields(step.args)...)
		if !strings.Contains(out+errOut, step.want) {
			t.Errorf("moldau %s: %q is not in\n%s%s", step.args, step.want, out, errOut)
		}
	}
	if out := s.done("group", "list", "--state", "stable"); strings.Contains(out, "Empty") {
		t.Errorf("list of stable groups:\n%s", out)
	}
}

// A group at work is described with who does what, and is neither reset nor
// deleted.
func TestGroupWithMembers(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 2)
	s.fill("bills", 1)
	s.done("group", "reset", "g", "--topic", "orders:1", "--topic", "bills", "--to", "4")
	s.join("g", "orders")
	d := s.describe("g")
	if d.State != "Stable" || d.Protocol == "" || d.ProtocolType != "consumer" || d.Lag != 10+6+6 || len(d.Members) != 1 {
		t.Fatalf("described as %+v", d)
	}
	m := d.Members[0]
	if m.Client != "member" || m.Member == "" || m.Host == "" || !slices.Equal(m.Topics, []string{"orders"}) ||
		len(m.Assigned) != 1 || m.Assigned[0].Topic != "orders" || len(m.Assigned[0].Partitions) != 2 {
		t.Errorf("its member is %+v", m)
	}
	for i, want := range []struct {
		committed, lag int64 // -1 for none
		member         string
	}{{4, 6, ""}, {-1, 10, m.Member}, {4, 6, m.Member}} {
		p := d.Partitions[i]
		if (p.Committed == nil) != (want.committed < 0) || p.Committed != nil && *p.Committed != want.committed || *p.Lag != want.lag || *p.End != 10 || p.Member != want.member || p.Error != "" {
			t.Errorf("%+v, want %+v", p, want)
		}
	}
	for args, want := range map[string]string{
		"group reset g --all-topics --to end":           "group g is Stable with 1 members: stop them first",
		"group reset g --all-topics --to end --dry-run": "stop them first",
		"group delete g":                "NON_EMPTY_GROUP",
		"group delete g --dry-run":      "NON_EMPTY_GROUP",
		"group delete g --topic orders": "GROUP_SUBSCRIBED_TO_TOPIC",
	} {
		out, errOut := s.want(exitFailed, "", strings.Fields(args)...)
		if !strings.Contains(out+errOut, want) {
			t.Errorf("%s: %s%s", args, out, errOut)
		}
	}
	s.done("group", "delete", "g", "--topic", "bills")
	if got := s.offsets("g"); got != "orders-1=4" {
		t.Errorf("offsets are %s", got)
	}
	if out := s.done("group", "describe", "g"); !strings.Contains(out, "orders:0,1") || !strings.Contains(out, "lag 16") {
		t.Errorf("described as\n%s", out)
	}
	if out := s.done("group", "list", "--state", "Stable"); !strings.Contains(out, "Stable  consumer") {
		t.Errorf("list:\n%s", out)
	}
	patiently(t)
	if got := completed(t.Context(), "group", "describe", "-b", s.addr, ""); !slices.Equal(got, []string{"g"}) {
		t.Errorf("completed to %q", got)
	}
}

func TestParseTopicPartitions(t *testing.T) {
	for value, want := range map[string]string{
		"t": "[{t []}]", "t:0": "[{t [0]}]", "t:2,0,2": "[{t [2 0]}]",
		"": "", ":1": "", "t:": "", "t:a": "", "t:-1": "", "t:1x": "", "t:1,": "", "t:01": "", "t:2147483648": "", "t t": "",
	} {
		got, err := parseTopicPartitions(strings.Fields(value))
		if value == "" {
			got, err = parseTopicPartitions([]string{""})
		}
		if (err != nil) != (want == "") || err == nil && fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
}

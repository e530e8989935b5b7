package group

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestScripts runs the scripts in testdata. Each begins with a world of its own;
// clients have names, their groups are "g" unless they say so. -rewrite writes
// down what happens.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		w := newWorld(Options{InitialDelayMs: 3000, Limits: Limits{MembersMax: 4, MetadataBytesMax: 4096}})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.run(t, d)
			if out := w.took(); out != "" {
				return out
			}
			return "ok\n"
		})
	})
}

// words are the arguments of a command by name.
type words struct {
	t *testing.T
	d *datadriven.TestData
}

func (a words) text(name, otherwise string) string {
	if !a.d.HasArg(name) {
		return otherwise
	}
	var s string
	a.d.ScanArgs(a.t, name, &s)
	return s
}

func (a words) number(name string, otherwise int) int {
	n, err := strconv.Atoi(a.text(name, strconv.Itoa(otherwise)))
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

func (a words) duration(name string, otherwise time.Duration) int32 {
	d, err := time.ParseDuration(a.text(name, otherwise.String()))
	if err != nil {
		a.t.Fatal(err)
	}
	return int32(d.Milliseconds())
}

// protocols reads "range:a,roundrobin:b".
func protocols(s string) []Protocol {
	var all []Protocol
	for p := range strings.SplitSeq(s, ",") {
		if name, metadata, ok := strings.Cut(p, ":"); ok {
			all = append(all, Protocol{name, []byte(metadata)})
		}
	}
	return all
}

// subscription is what a consumer says that reads topics.
func subscription(topics ...string) []byte {
	s := kmsg.NewConsumerMemberMetadata()
	s.Topics = topics
	return s.AppendTo(nil)
}

// run runs one command of a script.
func (w *world) run(t *testing.T, d *datadriven.TestData) {
	a := words{t, d}
	name := ""
	if len(d.CmdArgs) > 0 && len(d.CmdArgs[0].Vals) == 0 {
		name = d.CmdArgs[0].Key
	}
	group := a.text("group", "g")
	if a.d.HasArg("nogroup") {
		group = ""
	}
	member := w.members[name]
	if a.d.HasArg("id") {
		member = w.members[a.text("id", "")]
	}
	generation := int32(a.number("generation", w.generation(group)))
	switch d.Cmd {
	case "join":
		w.join(a, name, group, member)
	case "sync":
		r := &SyncRequest{Group: group, MemberID: member, Instance: a.text("instance", ""), Generation: generation,
			ProtocolType: a.text("type", ""), Protocol: a.text("protocol", ""), Assignments: map[string][]byte{}}
		for pair := range strings.FieldsSeq(d.Input) {
			who, what, _ := strings.Cut(pair, "=")
			r.Assignments[w.members[who]] = []byte(what)
		}
		w.machine.sync(r, w.syncAnswer(name))
	case "heartbeat":
		w.said(name, "heartbeat", w.machine.heartbeat(group, member, a.text("instance", ""), generation))
	case "leave":
		w.leave(a, group, member)
	case "commit":
		w.commit(a, name, group, member, generation)
	case "delete":
		w.machine.remove(group, func(err error) { w.said(group, "delete", err) })
	case "delete-offset":
		w.machine.deleteOffsets(group, []TopicPartition{{a.text("topic", "t"), int32(a.number("partition", 0))}}, func(errs []error, err error) {
			if err == nil {
				err = errs[0]
			}
			w.said(group, "delete offset", err)
		})
	case "topic":
		w.topics[name] = [16]byte{byte(a.number("id", 1))}
	case "topic-deleted":
		w.strict = true
		delete(w.topics, name)
		w.machine.dropStale()
	case "clock":
		by, err := time.ParseDuration(name)
		if err != nil {
			t.Fatal(err)
		}
		w.machine.now.wallMs += by.Milliseconds()
	case "wait":
		wait, err := time.ParseDuration(name)
		if err != nil {
			t.Fatal(err)
		}
		w.advance(wait.Milliseconds())
	case "show":
		w.describeAll()
	case "journal":
		w.steer(t, name)
	case "crash":
		w.crash()
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
}

func (w *world) said(who, what string, err error) {
	if err == nil {
		w.printf("%s: %s ok", who, what)
		return
	}
	w.printf("%s: %s: %v", who, what, err)
}

func (w *world) generation(group string) int {
	if g, ok := w.machine.groups[group]; ok {
		return int(g.generation)
	}
	return 0
}

func (w *world) join(a words, name, group, member string) {
	r := &JoinRequest{
		Group: group, MemberID: member, Instance: a.text("instance", ""), ClientID: "c", ClientHost: "/127.0.0.1",
		SessionMs: a.duration("session", 10*time.Second), RebalanceMs: a.duration("patience", time.Minute),
		ProtocolType: a.text("type", "consumer"), Protocols: protocols(a.text("protocols", "range:"+name)),
		IDRequired: !a.d.HasArg("old"), MaySkip: a.d.HasArg("may-skip"),
	}
	if a.d.HasArg("topics") {
		r.Protocols = []Protocol{{"range", subscription(strings.Split(a.text("topics", ""), "/")...)}}
	}
	if a.d.HasArg("new") {
		r.MemberID = ""
	}
	w.machine.join(r, w.joinAnswer(name))
	// What a client does that is given its id.
	if r.MemberID == "" && r.IDRequired && r.Instance == "" && !a.d.HasArg("once") && w.members[name] != member {
		w.took()
		r.MemberID = w.members[name]
		w.machine.join(r, w.joinAnswer(name))
	}
}

func (w *world) leave(a words, group, member string) {
	l := Leaving{MemberID: member, Instance: a.text("instance", "")}
	if a.d.HasArg("by-instance") {
		l = Leaving{Instance: a.text("by-instance", "")}
	}
	errs, err := w.machine.leave(group, []Leaving{l})
	if err == nil {
		err = errs[0]
	}
	w.said(w.nameOf(member), "leave", err)
}

func (w *world) commit(a words, name, group, member string, generation int32) {
	r := &CommitRequest{Group: group, MemberID: member, Instance: a.text("instance", ""), Generation: generation}
	if a.d.HasArg("simple") {
		r.MemberID, r.Generation = "", -1
	}
	o := CommitOffset{
		Topic: a.text("topic", "t"), Partition: int32(a.number("partition", 0)), Offset: int64(a.number("offset", 0)),
		LeaderEpoch: int32(a.number("epoch", -1)), Metadata: a.text("metadata", ""), RetentionMs: -1,
	}
	if a.d.HasArg("retention") {
		o.RetentionMs = int64(a.duration("retention", 0))
	}
	r.Offsets = []CommitOffset{o}
	w.machine.commit(r, func(err error) { w.said(name, fmt.Sprintf("commit of %d", o.Offset), err) })
}

// steer says what becomes of what is proposed.
func (w *world) steer(t *testing.T, how string) {
	switch how {
	case "hold":
		w.journal.hold = true
	case "release":
		w.journal.hold = false
		w.journal.release(len(w.journal.underway))
	case "release-one":
		w.journal.release(1)
	case "fail":
		w.journal.fail()
	case "refuse":
		w.journal.refuse = errTest
	case "accept":
		w.journal.refuse = nil
	default:
		t.Fatalf("journal %s", how)
	}
}

var errTest = fmt.Errorf("the disk is full")

package interchange

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moldau/logstore"
	"moldau/server/controller"
	"moldau/server/kraft"
	"moldau/server/metadata/configs"
)

// Where things lie in a data directory.
const (
	dataLogs      = "logs"
	dataOwn       = "moldau"
	metadataStore = "moldau/metadata"
)

// importPlan is what an import brings.
type importPlan struct {
	topics  []*plannedTopic
	brokers map[string]map[string]string // configs by broker id, "" for all
	taken   []*partition
}

// plannedTopic is a topic of Kafka's that is taken over.
type plannedTopic struct {
	*kraft.Topic
	configs map[string]string
	receipt *TopicReceipt
}

// plan decides what is taken over.
func (s *source) plan(o *Options, r *Receipt) (*importPlan, error) {
	p := &importPlan{brokers: map[string]map[string]string{}}
	taken := map[logstore.TopicPartition]bool{}
	var missing []string
	r.Topics = make([]TopicReceipt, len(s.img.Topics()))
	for n, t := range s.img.Topics() {
		if err := controller.CheckTopicName(t.Name); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSource, err)
		}
		r.Topics[n] = TopicReceipt{Name: t.Name, ID: t.ID.String(), Internal: controller.IsInternal(t.Name)}
		planned := &plannedTopic{Topic: t, receipt: &r.Topics[n], configs: s.topicConfigs(t, r)}
		planned.receipt.Configs = planned.configs
		p.topics = append(p.topics, planned)
		more, err := s.planPartitions(p, planned, taken, o, r)
		if err != nil {
			return nil, err
		}
		missing = append(missing, more...)
	}
	if len(missing) > 0 && !o.MissingEmpty {
		return nil, fmt.Errorf("%w: %s: name all log directories of the node, or let them begin empty", ErrMissing, some(missing))
	}
	for _, name := range missing {
		r.note("%s begins empty", name)
	}
	for _, tp := range s.names() {
		if !taken[tp] {
			r.notTaken(s.partitions[tp].path, "no topic of the cluster has it on this node")
		}
	}
	s.planBrokers(p, r)
	s.tellOfRights(r)
	return p, nil
}

// some names the first few of many.
func some(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

func (s *source) planPartitions(p *importPlan, t *plannedTopic, taken map[logstore.TopicPartition]bool, o *Options, r *Receipt) (missing []string, err error) {
	replicas, behind := 0, []string{}
	for n := range t.Partitions {
		tp := logstore.TopicPartition{Topic: t.Name, Partition: int32(n)}
		state := &t.Partitions[n]
		replicas = max(replicas, len(state.Replicas))
		at, ok := s.partitions[tp]
		if ok && at.hasID && at.id != t.ID {
			ok = false // an older topic's of that name
		}
		receipt := PartitionReceipt{Partition: tp.Partition, Start: -1, End: -1, LeaderEpoch: state.LeaderEpoch}
		switch here := slices.Contains(state.Replicas, s.meta.NodeID); {
		case !here:
			missing = append(missing, fmt.Sprintf("%s (on brokers %v)", tp, state.Replicas))
		case !ok:
			missing = append(missing, tp.String())
		default:
			if !state.InSync(s.meta.NodeID) {
				behind = append(behind, tp.String())
			}
			taking, err := s.planFiles(p, tp, o, r)
			if err != nil {
				return nil, err
			}
			taken[tp] = true
			receipt.From, receipt.Bytes = at.path, taking.bytes()
			r.count(taking.files)
		}
		t.receipt.Partitions = append(t.receipt.Partitions, receipt)
	}
	if replicas > 1 {
		r.note("topic %s had %d replicas and has 1 now", t.Name, replicas)
	}
	if len(behind) > 0 {
		r.note("this node was not in sync for %s: what it lacked is not there", some(behind))
	}
	return missing, nil
}

func (s *source) planFiles(p *importPlan, tp logstore.TopicPartition, o *Options, r *Receipt) (*partition, error) {
	at, err := readPartition(s.partitions[tp].path, filepath.Join(dataLogs, tp.String()), o.Method, s.recovery[tp], brought)
	if err == nil {
		err = s.checkOrphans(at, r)
	}
	if err != nil {
		return nil, err
	}
	if !s.clean {
		// A running Kafka makes indexes large ahead of need, and those above the
		// recovery point are built anew whatever is in them.
		at.files = slices.DeleteFunc(at.files, func(f file) bool {
			anew := f.unsettled && f.index()
			if anew {
				at.rebuilt = append(at.rebuilt, filepath.Base(f.from))
			}
			return anew
		})
	}
	at.tellOfOthers(r, "it is no file of a log")
	p.taken = append(p.taken, at)
	return at, nil
}

// brought is everything but what was deleted and is not removed yet.
func brought(name string) bool { return !strings.HasSuffix(name, deletedSuffix) }

func (r *Receipt) count(files []file) {
	for _, f := range files {
		r.Files++
		r.Bytes += f.bytes
		if f.link {
			r.FilesLinked++
			r.BytesLinked += f.bytes
		}
	}
}

// topicConfigs are those of a topic that mean something here.
func (s *source) topicConfigs(t *kraft.Topic, r *Receipt) map[string]string {
	taken := map[string]string{}
	all := s.img.Configs[kraft.Resource{Type: kraft.ResourceTopic, Name: t.Name}]
	for _, key := range slices.Sorted(maps.Keys(all)) {
		taken[key] = all[key]
		if err := (configs.Layers{}).ValidateTopic(taken); err != nil {
			delete(taken, key)
			r.notTaken("config "+key+" of topic "+t.Name, "%v", err)
		}
	}
	return taken
}

// planBrokers takes over what was set at run time for the node, and for all.
func (s *source) planBrokers(p *importPlan, r *Receipt) {
	own := strconv.Itoa(int(s.meta.NodeID))
	for _, of := range s.img.Resources() {
		all := s.img.Configs[of]
		if of.Type == kraft.ResourceTopic {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(all)) {
			what := "config " + key + " of " + of.String()
			if of.Type != kraft.ResourceBroker {
				r.notTaken(what, "only topics and brokers have configs here")
				continue
			}
			if of.Name != "" && of.Name != own {
				r.notTaken(what, "it is another broker's")
				continue
			}
			if p.brokers[of.Name] == nil {
				p.brokers[of.Name] = map[string]string{}
			}
			p.brokers[of.Name][key] = all[key]
			if err := configs.ValidateDynamic(p.brokers[of.Name]); err != nil {
				delete(p.brokers[of.Name], key)
				r.notTaken(what, "%v", err)
				continue
			}
			r.Configs[of.String()+": "+key] = all[key]
		}
	}
}

// tellOfRights names what of users and their rights is left behind.
func (s *source) tellOfRights(r *Receipt) {
	const noUsers = "there is no authentication yet: whoever reaches the broker may do everything"
	for _, id := range slices.SortedFunc(maps.Keys(s.img.ACLs), func(a, b kraft.UUID) int { return strings.Compare(s.img.ACLs[a], s.img.ACLs[b]) }) {
		r.notTaken("ACL of "+s.img.ACLs[id], noUsers)
	}
	for _, name := range slices.Sorted(maps.Keys(s.img.ScramUsers)) {
		r.notTaken("user "+name, noUsers)
	}
	for _, id := range slices.Sorted(maps.Keys(s.img.DelegationTokens)) {
		r.notTaken("delegation token "+id, noUsers)
	}
	for _, quota := range slices.Sorted(maps.Keys(s.img.Quotas)) {
		r.notTaken("quota "+quota, "there are no quotas yet")
	}
}

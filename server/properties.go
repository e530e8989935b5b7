package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"moldau/server/metadata/configs"
)

// PropertyStatus is what Moldau does with a property.
type PropertyStatus string

const (
	// PropertyHonoured: it means what it means in Apache Kafka.
	PropertyHonoured PropertyStatus = "honoured"
	// PropertyTranslated: a field of [Config] says the same in another form.
	PropertyTranslated PropertyStatus = "translated"
	// PropertyIgnored: it has no effect.
	PropertyIgnored PropertyStatus = "ignored"
	// PropertyInvalid: a broker does not start with this value.
	PropertyInvalid PropertyStatus = "invalid"
)

// Property is what becomes of one of [Config.Properties].
type Property struct {
	Name   string
	Status PropertyStatus
	// Dynamic properties can be changed while the broker runs.
	Dynamic bool
	// Text tells what it does or was translated to, why it is ignored, or what is
	// wrong with it. It may quote the value only of properties with an effect:
	// others of a file written for Apache Kafka may be secrets.
	Text string
}

// Explain tells what becomes of each property, sorted by name. All are judged
// together, because some say what others mean.
func Explain(properties map[string]string) []Property {
	t := newTranslation(properties)
	t.run(&Config{})
	all := make([]Property, 0, len(properties))
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		all = append(all, t.explain(name, properties[name]))
	}
	return all
}

func (t *translation) explain(name, value string) Property {
	p := Property{Name: name, Status: PropertyIgnored}
	if err := t.errs[name]; err != nil {
		p.Status, p.Text = PropertyInvalid, err.Error()
		return p
	}
	if text, ok := t.became[name]; ok {
		p.Status, p.Text = PropertyTranslated, text
		if note := t.notes[name]; note != "" {
			p.Text += "; " + note
		}
		return p
	}
	k, known := configs.Broker(name)
	if !known {
		p.Text = whyWithoutEffect(name)
		return p
	}
	p.Dynamic = !k.ReadOnly && k.Effect != configs.Fixed
	p.Text = k.Doc()
	if k.Effect != configs.Kept {
		p.Status = PropertyHonoured
	}
	if _, err := k.Parse(value); err != nil {
		p.Status, p.Text = PropertyInvalid, err.Error()
	}
	return p
}

// whyWithoutEffect is about properties that are no configs of Moldau.
func whyWithoutEffect(name string) string {
	if reason, ok := configs.Absent(name); ok {
		return reason
	}
	if k, ok := configs.Topic(name); ok && len(k.Synonyms) > 0 {
		return "it is a topic's config, and a broker's is called " + k.Synonyms[0].Name
	}
	return "Moldau does not know it"
}

// KnownProperty is a property that has an effect or is kept.
type KnownProperty struct {
	Name    string
	Default string // "" for none, or for one that depends on the machine
	Doc     string
	Dynamic bool
}

// KnownProperties are all properties that Moldau knows, sorted by name.
func KnownProperties() []KnownProperty {
	var all []KnownProperty
	for _, e := range (configs.Layers{}).BrokerEntries(nil) {
		all = append(all, KnownProperty{e.Name, e.Default, e.Doc(), !e.ReadOnly && e.Effect != configs.Fixed})
	}
	for _, f := range fieldProperties {
		if _, both := configs.Broker(f.name); !both {
			all = append(all, KnownProperty{Name: f.name, Default: f.def, Doc: f.doc})
		}
	}
	slices.SortFunc(all, func(a, b KnownProperty) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// PropertyAliases are the names under which the same can be said as under name,
// itself included. Whoever overrides one overrides them all.
func PropertyAliases(name string) []string {
	for _, group := range [][]string{{"broker.id", "node.id"}, {"log.dir", "log.dirs", "moldau.data.dir"}} {
		if slices.Contains(group, name) {
			return group
		}
	}
	return configs.BrokerSynonyms(name)
}

// fieldProperties are translated to fields of Config. Those without an apply
// help to translate others.
var fieldProperties = []struct {
	name, def, doc string
	apply          func(t *translation, c *Config, name, value string) (became string, err error)
}{
	// In the order in which they are applied: of several names of one thing the
	// first wins, and listeners decides which advertised one is meant.
	{"moldau.data.dir", "./moldau-data", "Directory that holds all data.", (*translation).dataDir},
	{"log.dirs", "", "Directory that holds all data, its logs in a folder logs.", (*translation).dataDir},
	{"log.dir", "", "As log.dirs.", (*translation).dataDir},
	{"node.id", "1", "The broker's id.", (*translation).nodeID},
	{"broker.id", "", "As node.id.", (*translation).nodeID},
	{"cluster.id", "", "Cluster that a new data directory belongs to; drawn by default.", (*translation).clusterID},
	{"listener.security.protocol.map", "", "Which listeners are of which protocol; those of SASL are not opened.", nil},

	{"controller.listener.names", "", "Listeners that are not opened, because the controller is in this process.", nil},
	{"listeners", "PLAINTEXT://127.0.0.1:9092", "Addresses to listen at, of which the first PLAINTEXT one is opened, or the first SSL one if there is no other.", (*translation).listeners},
	{"ssl.keystore.type", "PEM", "Format of ssl.keystore.location: PEM. This, and the other properties of TLS, can be said of one listener: listener.name.NAME.ssl.keystore.type.", (*translation).ssl},
	{"ssl.keystore.location", "", "File of the private key, not encrypted, and the certificates of a listener of SSL. It is read anew when it has changed.", (*translation).ssl},
	{"ssl.truststore.type", "PEM", "Format of ssl.truststore.location: PEM.", (*translation).ssl},
	{"ssl.truststore.location", "", "File of the authorities whose certificates clients may have. It is read anew when it has changed.", (*translation).ssl},
	{"ssl.client.auth", "none", "Do clients need a certificate: none, requested (it is verified if there is one) or required.", (*translation).ssl},
	{"ssl.enabled.protocols", "TLSv1.2,TLSv1.3", "Versions of TLS that are spoken.", (*translation).ssl},
	{"advertised.listeners", "", "Addresses that clients are told to use.", (*translation).advertised},
	{"moldau.admin.listener", "", "host:port of the HTTP listener for operators.", (*translation).admin},
	{"moldau.partitions.max", "", "Most partitions of all topics together, by default 100000.", (*translation).partitionsMax},
	{"moldau.shutdown.grace.ms", "5000", "How long a close waits for the answers that clients still get.", (*translation).shutdownGrace},
}

// translation takes what properties say that Config has fields for. A field
// that is set is stronger than its property.
type translation struct {
	properties map[string]string
	became     map[string]string // what was translated, by property
	notes      map[string]string // what of it cannot be honoured
	errs       map[string]error
	listener   string // name of the listener that is opened; "" if none was chosen
	hasNodeID  bool   // 0 is the zero value and an id
}

func newTranslation(properties map[string]string) *translation {
	return &translation{properties: properties, became: map[string]string{}, notes: map[string]string{}, errs: map[string]error{}}
}

func (t *translation) run(c *Config) {
	for _, f := range fieldProperties {
		value, given := t.properties[f.name]
		if !given {
			continue
		}
		if f.apply == nil {
			t.became[f.name] = f.doc
			continue
		}
		became, err := f.apply(t, c, f.name, value)
		if err != nil && t.errs[f.name] == nil {
			t.errs[f.name] = fmt.Errorf("Invalid value %.200s for configuration %s: %w", value, f.name, err)
			continue
		}
		t.became[f.name] = became
	}
}

// overridden is what became of a property whose field was set, by a property
// of higher rank or directly.
const overridden = "overridden"

func (t *translation) dataDir(c *Config, name, value string) (string, error) {
	if c.DataDir != "" {
		return overridden, nil
	}
	dirs := listItems(value)
	switch {
	case len(dirs) == 0:
		return "", errors.New("no directory is named")
	case name == "moldau.data.dir":
		c.DataDir = value
	case len(dirs) > 1:
		// One of them by a rule would be another one as soon as the list changes,
		// and the broker would start empty.
		return "", fmt.Errorf("it names %d directories, and Moldau keeps all data in one, which moldau.data.dir may name", len(dirs))
	default:
		c.DataDir = dirs[0]
	}
	return fmt.Sprintf("all data is in %s, the logs in its folder %s", c.DataDir, dataLogs), nil
}

func (t *translation) nodeID(c *Config, name, value string) (string, error) {
	k, _ := configs.Broker(name)
	v, err := k.Parse(value)
	if err != nil {
		return "", fmt.Errorf("it is no id: %w", err)
	}
	id := int32(v.Int)
	switch {
	case name == "broker.id" && id < 0:
		return "no id is given", nil
	case t.hasNodeID && id != c.NodeID:
		return "", fmt.Errorf("node.id is %d", c.NodeID)
	case !t.hasNodeID && c.NodeID != 0:
		return overridden, nil
	}
	c.NodeID, t.hasNodeID = id, true
	return fmt.Sprintf("this is broker %d", id), nil
}

func (t *translation) clusterID(c *Config, _, value string) (string, error) {
	if c.ClusterID != "" {
		return overridden, nil
	}
	c.ClusterID = value
	return "a new data directory belongs to this cluster", nil
}

func (t *translation) admin(c *Config, _, value string) (string, error) {
	if c.Admin != "" {
		return overridden, nil
	}
	if err := checkAddress(value); err != nil {
		return "", fmt.Errorf("it is not host:port: %w", err)
	}
	c.Admin = value
	return "operators are answered over HTTP at " + adminAddress(value), nil
}

func (t *translation) partitionsMax(c *Config, _, value string) (string, error) {
	if c.PartitionsMax != 0 {
		return overridden, nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 1 {
		return "", errors.New("it is no number from 1 on")
	}
	c.PartitionsMax = int(n)
	return fmt.Sprintf("topics may have %d partitions together", n), nil
}

func (t *translation) shutdownGrace(c *Config, _, value string) (string, error) {
	if c.ShutdownGrace != 0 {
		return overridden, nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 1 {
		return "", errors.New("it is no number of milliseconds from 1 on")
	}
	c.ShutdownGrace = time.Duration(n) * time.Millisecond
	return fmt.Sprintf("a close waits %v for answers under way", c.ShutdownGrace), nil
}

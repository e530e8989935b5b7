package configs

import (
	"maps"
	"slices"

	"moldau/logstore"
)

// Source is the layer that a value comes from. Its numbers are those of
// DescribeConfigs.
type Source int8

const (
	DynamicTopic         Source = 1
	DynamicBroker        Source = 2
	DynamicDefaultBroker Source = 3
	StaticBroker         Source = 4
	Default              Source = 5
)

// Layers are the configs of a broker, by Kafka's names, the first layer that
// has one wins. The maps are only read.
type Layers struct {
	Broker  map[string]string // set at run time for this broker
	Default map[string]string // set at run time for all brokers
	Static  map[string]string // from the file, the environment, the command line
}

// Setting is one layer's value.
type Setting struct {
	Name   string
	Value  string
	Source Source
}

// settings lists what all layers say about the names, the one in force first.
// Names of one layer are in the order given.
func (l Layers) settings(names ...string) []Setting {
	var all []Setting
	for _, layer := range []struct {
		values map[string]string
		source Source
	}{{l.Broker, DynamicBroker}, {l.Default, DynamicDefaultBroker}, {l.Static, StaticBroker}} {
		for _, name := range names {
			if v, ok := layer.values[name]; ok {
				all = append(all, Setting{name, v, layer.source})
			}
		}
	}
	for _, name := range names {
		if k, ok := Broker(name); ok && !k.Null {
			all = append(all, Setting{name, k.Default, Default})
		}
	}
	return all
}

// Value is the broker config name in force, parsed. ok is false where it has
// none. What does not parse was refused when it was set, or at start, so it is
// skipped in favour of the next layer's.
func (l Layers) Value(name string) (v Value, ok bool) {
	k, known := Broker(name)
	if !known {
		return Value{}, false
	}
	for _, s := range l.settings(name) {
		if v, err := k.Parse(s.Value); err == nil {
			return v, true
		}
	}
	return Value{}, false
}

// Log is the engine's configuration of a log whose topic has the overrides.
func (l Layers) Log(overrides map[string]string) (logstore.Config, error) {
	c := logstore.DefaultConfig()
	// From the weakest layer to the strongest: each overwrites what it sets. That
	// touches a handful of values, where asking all layers for each of thirty
	// configs would parse every default again for every topic.
	for _, layer := range []map[string]string{l.Static, l.Default, l.Broker} {
		if err := applyBrokerLayer(&c, layer); err != nil {
			return c, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		k, ok := Topic(name)
		if !ok {
			return c, invalidf("Unknown topic config name: %s", name)
		}
		v, err := k.Parse(overrides[name])
		if err != nil {
			return c, err
		}
		if k.set != nil && !k.hidden {
			k.set(&c, v)
		}
	}
	if raw, ok := overrides["internal.segment.bytes"]; ok {
		// Stronger than segment.bytes, whatever the order.
		k, _ := Topic("internal.segment.bytes")
		v, err := k.Parse(raw)
		if err != nil {
			return c, err
		}
		k.set(&c, v)
	}
	if err := c.Validate(); err != nil {
		return c, invalidf("%v", err)
	}
	return c, nil
}

func applyBrokerLayer(c *logstore.Config, layer map[string]string) error {
	if len(layer) == 0 {
		return nil
	}
	for i := range topicKeys {
		t := &topicKeys[i]
		if t.set == nil {
			continue
		}
		for _, s := range t.Synonyms {
			raw, ok := layer[s.Name]
			if !ok {
				continue
			}
			v, err := s.parse(t, raw)
			if err != nil {
				return err
			}
			t.set(c, v)
			break
		}
	}
	return nil
}

// parse reads the broker's value as the topic's: in the topic's unit.
func (s Synonym) parse(t *TopicKey, raw string) (Value, error) {
	k, ok := Broker(s.Name)
	if !ok {
		return Value{}, invalidf("Unknown broker config name: %s", s.Name)
	}
	v, err := k.Parse(raw)
	if err != nil {
		return Value{}, err
	}
	if s.Factor == 1 {
		return v, nil
	}
	if v.Int < 0 {
		return t.Type.mustParse("-1"), nil
	}
	return t.Type.mustParse(int64Text(v.Int * s.Factor)), nil
}

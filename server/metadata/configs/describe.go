package configs

import "strconv"

// Entry is one config as DescribeConfigs shows it.
type Entry struct {
	*Key
	Value    string // canonical; "" if Unset
	Unset    bool   // neither set nor has it a default
	Source   Source
	Settings []Setting // of all layers, the one in force first
}

func int64Text(n int64) string { return strconv.FormatInt(n, 10) }

// mustParse is for text that this package wrote itself: the zero Value, should
// it ever be wrong.
func (t Type) mustParse(s string) Value {
	v, _ := t.parse(s)
	return v
}

// chooser returns whether a config is asked for: by nil or no names, every one
// that is not hidden.
func chooser(names []string) func(*Key) bool {
	if len(names) == 0 {
		return func(k *Key) bool { return !k.hidden }
	}
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return func(k *Key) bool { return set[k.Name] }
}

// Topic describes the named configs of a topic, all without names, sorted by
// name. Unknown names are left out, as by Kafka.
func (l Layers) Topic(overrides map[string]string, names []string) []Entry {
	wanted := chooser(names)
	var entries []Entry
	for i := range topicKeys {
		if k := &topicKeys[i]; wanted(&k.Key) {
			if e := l.topicEntry(k, overrides); !e.Unset || !k.hidden {
				entries = append(entries, e)
			}
		}
	}
	return entries
}

func (l Layers) topicEntry(k *TopicKey, overrides map[string]string) Entry {
	e := Entry{Key: &k.Key, Value: k.Default, Unset: k.Null, Source: Default}
	names := make([]string, len(k.Synonyms))
	for i, s := range k.Synonyms {
		names[i] = s.Name
	}
	settings := l.settings(names...)
	if len(settings) > 0 {
		if v, err := k.synonym(settings[0].Name).parse(k, settings[0].Value); err == nil {
			e.Value = v.Text
		}
	}
	// Kafka drops all settings before the first under the topic's own unit, and
	// then calls a retention from log.retention.hours a default. That is kept
	// only for what truly is one: tools see the same, and no source is wrong.
	for len(settings) > 0 && settings[0].Source == Default && settings[0].Name != names[0] {
		settings = settings[1:]
	}
	if raw, ok := overrides[k.Name]; ok {
		if v, err := k.Parse(raw); err == nil {
			e.Value, e.Unset = v.Text, false
		}
		settings = append([]Setting{{k.Name, e.Value, DynamicTopic}}, settings...)
	}
	e.Settings = settings
	if len(settings) > 0 {
		e.Source = settings[0].Source
	}
	return e
}

func (k *TopicKey) synonym(name string) Synonym {
	for _, s := range k.Synonyms {
		if s.Name == name {
			return s
		}
	}
	return Synonym{Name: name, Factor: 1}
}

// BrokerEntries describes the named configs of this broker, all without names,
// sorted by name.
func (l Layers) BrokerEntries(names []string) []Entry {
	wanted := chooser(names)
	var entries []Entry
	for i := range brokerKeys {
		if k := &brokerKeys[i]; wanted(k) {
			entries = append(entries, l.brokerEntry(k))
		}
	}
	return entries
}

func (l Layers) brokerEntry(k *Key) Entry {
	e := Entry{Key: k, Value: k.Default, Unset: k.Null, Source: Default}
	settings := l.settings(BrokerSynonyms(k.Name)...)
	for len(settings) > 0 && settings[0].Name != k.Name {
		settings = settings[1:]
	}
	if len(settings) == 0 {
		return e
	}
	e.Settings, e.Source = settings, settings[0].Source
	if v, err := k.Parse(settings[0].Value); err == nil {
		e.Value, e.Unset = v.Text, false
	}
	return e
}

// DefaultEntries describes what was set at run time for all brokers.
func (l Layers) DefaultEntries(names []string) []Entry {
	wanted := chooser(names)
	all := Layers{Default: l.Default}
	var entries []Entry
	for i := range brokerKeys {
		k := &brokerKeys[i]
		raw, ok := l.Default[k.Name]
		if !ok || !wanted(k) {
			continue
		}
		e := all.brokerEntry(k)
		e.Settings = []Setting{{k.Name, raw, DynamicDefaultBroker}}
		entries = append(entries, e)
	}
	return entries
}

// BrokerSynonyms are the names under which a broker config is given in other
// units, finest first. log.flush.scheduler.interval.ms is one only downwards.
func BrokerSynonyms(name string) []string {
	for i := range topicKeys {
		t := &topicKeys[i]
		for n, s := range t.Synonyms {
			if s.Name != name || len(t.Synonyms) == 1 || n > 0 && s.Factor == 1 {
				continue
			}
			names := make([]string, len(t.Synonyms))
			for j := range t.Synonyms {
				names[j] = t.Synonyms[j].Name
			}
			return names
		}
	}
	return []string{name}
}

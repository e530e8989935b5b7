package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ValidateTopic reports what is wrong with a topic's overrides, all of them,
// over the layers below.
func (l Layers) ValidateTopic(overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		k, ok := Topic(name)
		if !ok {
			return invalidf("Unknown topic config name: %s", name)
		}
		if name == "remote.storage.enable" && strings.EqualFold(strings.TrimSpace(overrides[name]), "true") {
			return invalidf("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
		}
		if _, err := k.Parse(overrides[name]); err != nil {
			return err
		}
	}
	least, most := l.topicInt("min.compaction.lag.ms", overrides), l.topicInt("max.compaction.lag.ms", overrides)
	if least > most {
		return invalidf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", least, most)
	}
	_, err := l.Log(overrides)
	return err
}

func (l Layers) topicInt(name string, overrides map[string]string) int64 {
	k, _ := Topic(name)
	return k.Type.mustParse(l.topicEntry(k, overrides).Value).Int
}

// ValidateDynamic reports what is wrong with settings at run time of a broker,
// or of all, before they take the place of the layer they are for.
func ValidateDynamic(settings map[string]string) error {
	var refused []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if k, ok := Broker(name); ok && k.ReadOnly {
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		return invalidf("Cannot update these configs dynamically: [%s]", strings.Join(refused, ", "))
	}
	return validateBroker(settings)
}

// ValidateStatic reports what is wrong with the settings a broker is started
// with. Names that Moldau has no config for are not its business: a file
// written for Apache Kafka has many.
func ValidateStatic(settings map[string]string) error {
	known := map[string]string{}
	for name, v := range settings {
		if _, ok := Broker(name); ok {
			known[name] = v
		}
	}
	return validateBroker(known)
}

func validateBroker(settings map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		k, ok := Broker(name)
		if !ok {
			return unknownBroker(name)
		}
		if _, err := k.Parse(settings[name]); err != nil {
			return err
		}
	}
	_, err := Layers{Static: settings}.Log(nil)
	return err
}

// unknownBroker refuses a name, where Kafka takes any and keeps it for plugins:
// there are none here, so the only use of an unknown name is a typing error.
func unknownBroker(name string) error {
	if reason, ok := Absent(name); ok {
		return invalidf("Config %s has no meaning here: %s", name, reason)
	}
	return invalidf("Unknown broker config name: %s", name)
}

// Append is the value of a List config after items were added, and whether the
// config is a list at all. current is "" with unset for one that is not set:
// items are then added to the default.
func (k *Key) Append(current string, unset bool, items string) (string, bool) {
	if k.Type != List {
		return "", false
	}
	parts := k.parts(current, unset)
	for item := range strings.SplitSeq(items, ",") {
		if !slices.Contains(parts, item) {
			parts = append(parts, item)
		}
	}
	return strings.Join(parts, ","), true
}

// Subtract is Append's opposite.
func (k *Key) Subtract(current string, unset bool, items string) (string, bool) {
	if k.Type != List {
		return "", false
	}
	parts := k.parts(current, unset)
	for item := range strings.SplitSeq(items, ",") {
		if n := slices.Index(parts, item); n >= 0 {
			parts = slices.Delete(parts, n, n+1)
		}
	}
	return strings.Join(parts, ","), true
}

func (k *Key) parts(current string, unset bool) []string {
	if unset {
		current = k.Default
	}
	return slices.DeleteFunc(strings.Split(current, ","), func(s string) bool { return s == "" })
}

// String names the source as Kafka's tools do.
func (s Source) String() string {
	switch s {
	case DynamicTopic:
		return "DYNAMIC_TOPIC_CONFIG"
	case DynamicBroker:
		return "DYNAMIC_BROKER_CONFIG"
	case DynamicDefaultBroker:
		return "DYNAMIC_DEFAULT_BROKER_CONFIG"
	case StaticBroker:
		return "STATIC_BROKER_CONFIG"
	case Default:
		return "DEFAULT_CONFIG"
	}
	return fmt.Sprintf("source %d", int8(s))
}

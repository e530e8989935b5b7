package configs_test

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/server/metadata/configs"
)

var typeNames = map[string]configs.Type{
	"BOOLEAN": configs.Boolean, "STRING": configs.String, "INT": configs.Int, "SHORT": configs.Short, "LONG": configs.Long,
	"DOUBLE": configs.Double, "LIST": configs.List, "CLASS": configs.Class, "PASSWORD": configs.Password,
}

// golden reads a list of Kafka's configs: four fields a line.
func golden(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		row := strings.Split(lines.Text(), "|")
		if len(row) != 4 {
			t.Fatalf("%s: %q", file, lines.Text())
		}
		rows = append(rows, row)
	}
	return rows
}

func checkDefault(t *testing.T, k *configs.Key, typeName, want string) {
	t.Helper()
	if k.Type != typeNames[typeName] {
		t.Errorf("%s has type %d, Kafka's is %s", k.Name, k.Type, typeName)
	}
	if null := want == "null"; k.Null != null || !null && k.Default != want {
		t.Errorf("%s has default %q (null %v), Kafka's is %q", k.Name, k.Default, k.Null, want)
	}
}

func TestTopicConfigsAreKafkas(t *testing.T) {
	ours := map[string]bool{"moldau.durability": true, "moldau.validation": true}
	rows := golden(t, "kafka-4.3.1-topic.txt")
	for _, row := range rows {
		k, ok := configs.Topic(row[0])
		if !ok {
			t.Errorf("%s is missing", row[0])
			continue
		}
		checkDefault(t, &k.Key, row[1], row[2])
		var synonyms []string
		for _, s := range k.Synonyms {
			synonyms = append(synonyms, s.Name)
			if _, ok := configs.Broker(s.Name); !ok {
				t.Errorf("%s has the synonym %s, which is no broker config", k.Name, s.Name)
			}
		}
		if got := strings.Join(synonyms, ","); got != row[3] {
			t.Errorf("%s has synonyms %s, Kafka's are %s", k.Name, got, row[3])
		}
	}
	var l configs.Layers
	for _, e := range l.Topic(nil, nil) {
		known := slices.ContainsFunc(rows, func(row []string) bool { return row[0] == e.Name })
		if !known && !ours[e.Name] {
			t.Errorf("%s is shown and is not Kafka's", e.Name)
		}
	}
}

func TestBrokerConfigsAreKafkasOrAbsentWithReason(t *testing.T) {
	// What is deliberately another default, because it is another truth.
	own := map[string]string{
		"group.max.size":               "5000",
		"listeners":                    "PLAINTEXT://127.0.0.1:9092",
		"max.connection.creation.rate": "5000",
		"queued.max.request.bytes":     "268435456",
		"max.connections":              "10000",
		"max.connections.per.ip":       "10000",
		"process.roles":                "broker,controller",
	}
	for _, row := range golden(t, "kafka-4.3.1-broker.txt") {
		k, shown := configs.Broker(row[0])
		reason, absent := configs.Absent(row[0])
		switch {
		case shown == absent:
			t.Errorf("%s: shown %v, absent %v", row[0], shown, absent)
		case absent && reason == "":
			t.Errorf("%s is absent without a reason", row[0])
		case shown:
			want := row[2]
			if d, ok := own[k.Name]; ok {
				want = d
			}
			checkDefault(t, k, row[1], want)
			if row[3] == "read-only" && !k.ReadOnly {
				t.Errorf("%s can be changed at run time, in Kafka it cannot", k.Name)
			}
		}
	}
}

// Each default passes its own check, each key explains itself, and the tables
// are sorted, which lookups rely on.
func TestTablesAreSound(t *testing.T) {
	var l configs.Layers
	var names []string
	check := func(k *configs.Key) {
		if k.Doc() == "" || !strings.HasSuffix(k.Doc(), ".") {
			t.Errorf("%s has the doc %q", k.Name, k.Doc())
		}
		if k.Null {
			return
		}
		if v, err := k.Parse(k.Default); err != nil || v.Text != k.Default {
			t.Errorf("%s has the default %q, which is parsed as %q, %v", k.Name, k.Default, v.Text, err)
		}
	}
	for _, e := range l.Topic(nil, nil) {
		check(e.Key)
		names = append(names, e.Name)
	}
	if !slices.IsSorted(names) {
		t.Error("topic configs are not sorted")
	}
	names = nil
	for _, e := range l.BrokerEntries(nil) {
		check(e.Key)
		names = append(names, e.Name)
		if _, ok := configs.Broker(e.Name); !ok {
			t.Errorf("%s is not found", e.Name)
		}
	}
	if !slices.IsSorted(names) {
		t.Error("broker configs are not sorted")
	}
}

// What DescribeConfigs shows of a topic without overrides is what the engine
// does: setting every default explicitly changes nothing.
func TestDefaultsAreTheEngines(t *testing.T) {
	var l configs.Layers
	overrides := map[string]string{}
	for _, e := range l.Topic(nil, nil) {
		overrides[e.Name] = e.Value
	}
	c, err := l.Log(overrides)
	if err != nil {
		t.Fatal(err)
	}
	if c != logstore.DefaultConfig() {
		t.Errorf("shown defaults mean %+v, the engine's are %+v", c, logstore.DefaultConfig())
	}
}

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"moldau/server"
)

// configured is what serve makes of a file, an environment and arguments.
func configured(t *testing.T, file string, environ []string, args ...string) (server.Config, []string, error) {
	t.Helper()
	var f serveFlags
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.register(flags)
	if file != "" {
		args = append(args, "--config", write(t, file))
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	unknown, err := f.configure(flags, environ)
	return f.config, unknown, err
}

func TestFlagsOverrideTheEnvironmentAndThatTheFile(t *testing.T) {
	for _, tc := range []struct {
		file    string
		environ string // separated by spaces
		args    string
		want    string // name=value, sorted
	}{
		{"num.partitions=1\n", "", "", "num.partitions=1"},
		{"num.partitions=1\n", "MOLDAU_NUM_PARTITIONS=2", "", "num.partitions=2"},
		{"num.partitions=1\n", "MOLDAU_NUM_PARTITIONS=2", "--set num.partitions=3", "num.partitions=3"},
		{"num.partitions=1\n", "", "--set num.partitions=3", "num.partitions=3"},
		// Other names of the same go with it, but for those of the same place.
		{"log.retention.ms=9\nlog.roll.ms=5", "MOLDAU_LOG_RETENTION_HOURS=1", "", "log.retention.hours=1 log.roll.ms=5"},
		{"", "MOLDAU_LOG_RETENTION_MS=9", "--set log.retention.minutes=1", "log.retention.minutes=1"},
		{"log.retention.ms=9\nlog.retention.hours=1\n", "", "", "log.retention.hours=1 log.retention.ms=9"},
		{"broker.id=2", "", "--set node.id=3", "node.id=3"},
		{"log.dirs=a,b\n", "MOLDAU_DATA_DIR=c", "", "moldau.data.dir=c"},
		{"log.dirs=a,b\n", "MOLDAU_DATA_DIR=c", "--data d", ""},
		{"moldau.durability=os", "MOLDAU_DURABILITY=os", "--durability synced", "moldau.durability=synced"},
		{"listeners=PLAINTEXT://:1\nadvertised.listeners=PLAINTEXT://a:1", "", "--listen 127.0.0.1:1", "advertised.listeners=PLAINTEXT://a:1 listeners=PLAINTEXT://:1"},
		{"advertised.listeners=nonsense", "MOLDAU_ADMIN_LISTENER=nonsense", "--advertise a:1 --admin 127.0.0.1:1", ""},
		{"my.own=1", "", "--set other=a=b", "my.own=1 other=a=b"},
	} {
		c, unknown, err := configured(t, tc.file, strings.Fields(tc.environ), strings.Fields(tc.args)...)
		var got []string
		for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
			got = append(got, name+"="+c.Properties[name])
		}
		if err != nil || len(unknown) > 0 || strings.Join(got, " ") != tc.want {
			t.Errorf("%+v: %q, unknown %q, %v", tc, got, unknown, err)
		}
	}
}

func TestWrongSettingsAreToldWithTheirPlace(t *testing.T) {
	for _, tc := range []struct{ file, environ, args, want string }{
		{"", "MOLDAU_NUM_PARTITIONS=0", "", "environment variable MOLDAU_NUM_PARTITIONS: Invalid value 0"},
		{"", "MOLDAU_NUM_PARTITIONS=", "", "environment variable MOLDAU_NUM_PARTITIONS: Invalid value  for"},
		{"", "MOLDAU_LISTENERS=127.0.0.1:9092", "", "not NAME://host:port"},
		{"", "", "--set num.partitions=many", "--set num.partitions: Invalid value many"},
		{"", "", "--set num.partitions", "is not name=value"},
		{"", "", "--set =1", "is not name=value"},
		{"", "", "--set a=1 --set a=1", "--set a is given twice"},
		{"", "", "--listen 127.0.0.1:1 --set listeners=PLAINTEXT://:1", "--listen and --set listeners exclude each other"},
		{"", "", "--data d --set log.dir=e", "--data and --set log.dir exclude each other"},
		{"num.partitions=0", "MOLDAU_LOG_ROLL_MS=0", "--set log.segment.bytes=1", "--set log.segment.bytes: "},
		{"num.partitions=0", "MOLDAU_LOG_ROLL_MS=0", "--set log.segment.bytes=1", "variable MOLDAU_LOG_ROLL_MS: "},
		{"num.partitions=0", "MOLDAU_LOG_ROLL_MS=0", "--set log.segment.bytes=1", "server.properties:1: "},
	} {
		_, _, err := configured(t, tc.file, strings.Fields(tc.environ), strings.Fields(tc.args)...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestVariablesOfNoPropertyAreNamed(t *testing.T) {
	environ := []string{"HOME=/", "MOLDAU_SERVICE_HOST=10.0.0.1", "MOLDAU_LOG_RETENTION.MS=1", "MOLDAU_PORT=tcp://10.0.0.1:9092", "moldau_num_partitions=7"}
	c, unknown, err := configured(t, "", environ)
	if want := []string{"MOLDAU_LOG_RETENTION.MS", "MOLDAU_PORT", "MOLDAU_SERVICE_HOST"}; err != nil || !slices.Equal(unknown, want) || len(c.Properties) > 0 {
		t.Errorf("unknown are %q, want %q; properties %q, %v", unknown, want, c.Properties, err)
	}
}

// Two properties of one variable could not be told apart.
func TestEveryPropertyHasAVariableOfItsOwn(t *testing.T) {
	names := map[string]string{}
	for _, p := range server.KnownProperties() {
		v := variableOf(p.Name)
		if other, taken := names[v]; taken {
			t.Errorf("%s is of %s and %s", v, other, p.Name)
		}
		if strings.Trim(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			t.Errorf("%s is no variable that a shell can set", v)
		}
		names[v] = p.Name
	}
	if names["MOLDAU_LOG_RETENTION_MS"] != "log.retention.ms" || names["MOLDAU_DURABILITY"] != "moldau.durability" {
		t.Errorf("%d variables", len(names))
	}
}

// kafkaFile is the example with a data directory of the test's own.
func kafkaFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/kafka.properties")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, strings.Replace(string(text), "log.dirs=DATA", "log.dirs="+filepath.ToSlash(filepath.Join(t.TempDir(), "data")), 1))
}

func TestServeTakesAFileOfKafkas(t *testing.T) {
	ctx := cancelled(t) // it starts and closes
	code, _, errOut := moldau(ctx, "", "serve", "--config", kafkaFile(t), "--set", "log.retention.hours=1")
	if code != exitDone {
		t.Fatalf("exit %d\n%s", code, errOut)
	}
	for _, want := range []string{
		"node=0", "CONTROLLER://:9093 is not opened: the controller is in this process",
		"name=num.network.threads", "name=zookeeper.connect", "a broker's is called log.retention.ms", "name=my.own",
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not logged:\n%s", want, errOut)
		}
	}
	if strings.Contains(errOut, "secrets") {
		t.Errorf("a value is logged:\n%s", errOut)
	}
}

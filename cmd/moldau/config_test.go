package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestConfigExplain(t *testing.T) {
	code, out, errOut := moldau(t.Context(), "", "config", "explain", kafkaFile(t), "--format", "json")
	if code != exitDone || errOut != "" {
		t.Fatalf("exit %d, %s", code, errOut)
	}
	var explained []explainedProperty
	if err := json.Unmarshal([]byte(out), &explained); err != nil {
		t.Fatal(err)
	}
	got := map[string]explainedProperty{}
	for _, p := range explained {
		got[p.Name] = p
	}
	for _, want := range []explainedProperty{
		{"process.roles", 2, "honoured", false, "process"},
		{"node.id", 3, "translated", false, "broker 0"},
		{"controller.quorum.bootstrap.servers", 4, "ignored", false, "no quorum"},
		{"listeners", 5, "translated", false, "accepted at 127.0.0.1:0; CONTROLLER://:9093 is not opened"},
		{"advertised.listeners", 7, "translated", false, "port 9092 of localhost"},
		{"listener.security.protocol.map", 9, "translated", false, "SASL"},
		{"num.network.threads", 11, "ignored", false, "thread pools"},
		{"log.dirs", 12, "translated", false, "its folder logs"},
		{"num.partitions", 13, "honoured", false, "Partitions"},
		{"log.retention.hours", 15, "honoured", false, "retention.ms"},
		{"log.segment.bytes", 16, "honoured", true, "segment.bytes"},
		{"zookeeper.connect", 17, "ignored", false, "no ZooKeeper"},
		{"retention.ms", 18, "ignored", false, "log.retention.ms"},
		{"my.own", 19, "ignored", false, "does not know"},
	} {
		p := got[want.Name]
		if !strings.Contains(p.Text, want.Text) {
			t.Errorf("%s: %q, want %q", want.Name, p.Text, want.Text)
		}
		if p.Text = want.Text; p != want {
			t.Errorf("%+v, want %+v", p, want)
		}
	}
	if strings.Contains(out, "secrets") {
		t.Error("a value is shown")
	}
}

func TestConfigExplainFailsForWhatServeRefuses(t *testing.T) {
	for _, tc := range []struct {
		text string
		code int
		want string
	}{
		{"num.partitions=1\n", exitDone, ""},
		{"num.partitions=0\nlog.roll.ms=1\n", exitFailed, "1 of 2 properties are invalid"},
		{"process.roles=broker\n", exitFailed, "1 of 1 properties are invalid"},
		{"moldau.partitions.max=0\nmoldau.shutdown.grace.ms=-1\nadvertised.listeners=PLAINTEXT://0.0.0.0:1\n", exitFailed, "3 of 3"},
		{"a=1\na=2\n", exitUsage, ":2: a is given before"},
	} {
		path := write(t, tc.text)
		code, _, errOut := moldau(t.Context(), "", "config", "explain", path)
		if code != tc.code || !strings.Contains(errOut, tc.want) {
			t.Errorf("%q: exit %d, %s", tc.text, code, errOut)
		}
		if code, _, _ := moldau(cancelled(t), "", "serve", "--config", path, "--listen", "127.0.0.1:0", "--data", t.TempDir()); (code == exitUsage) != (tc.code != exitDone) {
			t.Errorf("%q: serve exits with %d", tc.text, code)
		}
	}
}

func TestConfigList(t *testing.T) {
	_, out, _ := moldau(t.Context(), "", "config", "list")
	for _, want := range []string{"log.retention.ms ", "moldau.data.dir ", "listeners "} {
		if !strings.Contains(out, "\n"+want) {
			t.Errorf("%s is not listed:\n%s", want, out)
		}
	}
}

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server"
	"moldau/server/metadata/configs"
	"moldau/server/servertest"
)

func TestExplainListeners(t *testing.T) {
	const roles, pem = "controller.listener.names=CONTROLLER;", "ssl.keystore.location=key.pem;"
	for _, tc := range []struct {
		properties string // separated by ;
		name       string // the one that is looked at
		status     server.PropertyStatus
		want       string // in its text
	}{
		{"listeners=PLAINTEXT://:9092", "listeners", server.PropertyTranslated, "accepted at :9092"},
		{"listeners=plaintext://[::1]:9092", "listeners", server.PropertyTranslated, "accepted at [::1]:9092"},
		{"listeners=PLAINTEXT://a:1, PLAINTEXT://b:2", "listeners", server.PropertyInvalid, "two listeners have the name PLAINTEXT"},
		{"listeners=", "listeners", server.PropertyInvalid, "no address"},
		{"listeners=a:1", "listeners", server.PropertyInvalid, `"a:1" is not NAME://host:port`},
		{"listeners=PLAINTEXT://a:66000", "listeners", server.PropertyInvalid, "is not NAME://host:port"},
		{"listeners=PLAINTEXT://a", "listeners", server.PropertyInvalid, "is not NAME://host:port"},
		{roles + "listeners=CONTROLLER://:9093,PLAINTEXT://:9092", "listeners", server.PropertyTranslated, "accepted at :9092; CONTROLLER://:9093 is not opened: the controller"},
		{roles + "listeners=CONTROLLER://:9093", "listeners", server.PropertyInvalid, "no listener can be opened"},
		{"listeners=SSL://:9093,PLAINTEXT://:9092", "listeners", server.PropertyTranslated, "SSL://:9093 is not opened: Moldau has one listener, PLAINTEXT://:9092"},
		{"listeners=SSL://:9093", "listeners", server.PropertyInvalid, "ssl.keystore.location names a PEM file"},
		{pem + "listeners=SSL://:9093,SSL2://:9094;listener.security.protocol.map=SSL2:SSL", "listeners", server.PropertyTranslated, "accepted at :9093 by TLS; SSL2://:9094 is not opened"},
		{pem + "listeners=SSL://:9093;ssl.keystore.type=JKS", "ssl.keystore.type", server.PropertyInvalid, "Moldau reads PEM"},
		{pem + "listeners=SSL://:9093;ssl.client.auth=maybe", "ssl.client.auth", server.PropertyInvalid, "want none, requested or required"},
		{pem + "listeners=SSL://:9093;ssl.client.auth=required", "listeners", server.PropertyInvalid, "need authorities: ssl.truststore.location"},
		{pem + "listeners=SSL://:9093;ssl.client.auth=required;ssl.truststore.certificates=secret", "ssl.truststore.certificates", server.PropertyInvalid, "for configuration ssl.truststore.certificates: keys and certificates are read from files only"},
		{pem + "listeners=SSL://:9093;ssl.key.password=secret", "ssl.key.password", server.PropertyInvalid, "for configuration ssl.key.password: the key may not be encrypted"},
		{pem + "listeners=SSL://:9093;ssl.enabled.protocols=TLSv1.1,TLSv1.3", "ssl.enabled.protocols", server.PropertyInvalid, "TLSv1.1"},
		{pem + "listeners=OUT://:9093;listener.security.protocol.map=OUT:SSL;listener.name.out.ssl.client.auth=required", "listeners", server.PropertyInvalid, "ssl.truststore.location"},
		{"listeners=OUT://:9093;listener.security.protocol.map=OUT:SSL;ssl.keystore.location=a;ssl.keystore.type=JKS;listener.name.out.ssl.keystore.type=PEM", "listener.name.out.ssl.keystore.type", server.PropertyTranslated, "it is of OUT, which speaks TLS"},
		{"listeners=PLAINTEXT://:1;ssl.client.auth=required", "ssl.client.auth", server.PropertyTranslated, "no listener goes by it"},
		{"listeners=SASL_SSL://:9093", "listeners", server.PropertyInvalid, "there is no SASL_SSL yet"},
		// A name alone promises nothing.
		{"listeners=INSIDE://:1", "listeners", server.PropertyInvalid, "does not tell the protocol of INSIDE"},
		{"listeners=INSIDE://:1,OUTSIDE://:2;listener.security.protocol.map=INSIDE:PLAINTEXT,outside:plaintext", "listeners", server.PropertyTranslated, "accepted at :1; OUTSIDE://:2 is not opened: Moldau has one listener"},
		{"listeners=PLAINTEXT://:1;listener.security.protocol.map=PLAINTEXT:SSL", "listeners", server.PropertyInvalid, "ssl.keystore.location names"},
		{"listeners=PLAINTEXT://:1;listener.security.protocol.map=PLAINTEXT", "listeners", server.PropertyInvalid, "not NAME:PROTOCOL"},

		{"advertised.listeners=PLAINTEXT://a:1", "advertised.listeners", server.PropertyTranslated, "port 1 of a"},
		{"advertised.listeners=PLAINTEXT://0.0.0.0:1", "advertised.listeners", server.PropertyInvalid, "no client can connect to"},
		{"advertised.listeners=SSL://a:1", "advertised.listeners", server.PropertyInvalid, "no address for the listener"},
		{"listeners=OUTSIDE://:2;listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT;advertised.listeners=INSIDE://i:1,OUTSIDE://o:2",
			"advertised.listeners", server.PropertyTranslated, "port 2 of o; INSIDE://i:1 is not advertised"},
		{"listeners=PLAINTEXT://:2;listener.security.protocol.map=INSIDE:PLAINTEXT;advertised.listeners=INSIDE://i:1", "advertised.listeners", server.PropertyInvalid, "no address for the listener"},
	} {
		properties := map[string]string{}
		for pair := range strings.SplitSeq(tc.properties, ";") {
			name, value, _ := strings.Cut(pair, "=")
			properties[name] = value
		}
		for _, p := range server.Explain(properties) {
			if p.Name == tc.name && (p.Status != tc.status || !strings.Contains(p.Text, tc.want)) {
				t.Errorf("%s: %+v", tc.properties, p)
			}
		}
		if err := (server.Config{Properties: properties}).Validate(); (err != nil) != (tc.status == server.PropertyInvalid) {
			t.Errorf("%s: Validate says %v", tc.properties, err)
		}
	}
}

// A config's fields are stronger than its properties, which may then say
// anything.
func TestFieldsWinOverProperties(t *testing.T) {
	b := servertest.Start(t, server.Config{NodeID: 7, Properties: map[string]string{
		"listeners": "SASL_SSL://:1", "log.dirs": "/nowhere,/else", "moldau.admin.listener": "127.0.0.1:0", "node.id": "3",
	}})
	if b.Server().AdminAddr() == nil {
		t.Error("the property of an unset field has no effect")
	}
	for name, want := range map[string]string{"node.id": "7", "log.dirs": filepath.Join(b.DataDir(), "logs"), "listeners": "PLAINTEXT://" + b.Addr()} {
		if got := describeBroker(t, b, name, "7"); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// An address of higher rank does not open in plain text what asks for TLS.
func TestAddressDoesNotTakeTLSAway(t *testing.T) {
	tls := map[string]string{"listeners": "SSL://:1", "ssl.keystore.location": "key.pem"}
	if err := (server.Config{Listen: "127.0.0.1:0", Properties: tls}).Validate(); err == nil || !strings.Contains(err.Error(), "SSL://:1 speaks TLS, and the address 127.0.0.1:0") {
		t.Errorf("%v, want it refused", err)
	}
	plain := map[string]string{"listeners": "PLAINTEXT://:1,SSL://:2"}
	if err := (server.Config{Listen: "127.0.0.1:0", Properties: plain}).Validate(); err != nil {
		t.Error(err)
	}
	own := &server.TLS{Keystore: "key.pem"}
	if err := (server.Config{Listen: "127.0.0.1:0", TLS: own, Properties: tls}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (server.Config{TLS: own, Properties: map[string]string{"listeners": "PLAINTEXT://:1"}}).Validate(); err == nil {
		t.Error("a config of TLS opens a listener of plain text")
	}
	advertised := map[string]string{"advertised.listeners": "PLAINTEXT://a:1,SSL://b:2"}
	if err := (server.Config{TLS: own, Properties: advertised}).Validate(); err != nil {
		t.Error(err)
	}
}

// Ids of Apache Kafka's brokers begin with 0.
func TestNodeZero(t *testing.T) {
	b := servertest.Start(t, server.Config{Properties: map[string]string{"broker.id": "0"}})
	m := kmsg.NewPtrMetadataRequest()
	m.Version = 9
	answer := b.Dial().Request(m).(*kmsg.MetadataResponse)
	if len(answer.Brokers) != 1 || answer.Brokers[0].NodeID != 0 || answer.ControllerID != 0 {
		t.Errorf("brokers %+v, controller %d", answer.Brokers, answer.ControllerID)
	}
	if got := describeBroker(t, b, "node.id", "0"); got != "0" {
		t.Errorf("node.id is %s", got)
	}
	b.Close()
	b.Restart()
}

func describeBroker(t *testing.T, b *servertest.Broker, name, node string) string {
	t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.ConfigNames = kmsg.ConfigResourceTypeBroker, node, []string{name}
	req.Resources = append(req.Resources, r)
	answer := b.Dial().Request(req).(*kmsg.DescribeConfigsResponse).Resources[0]
	if answer.ErrorCode != 0 || len(answer.Configs) != 1 || answer.Configs[0].Value == nil {
		t.Fatalf("describe %s: %+v", name, answer)
	}
	return *answer.Configs[0].Value
}

func TestLogDirectoryIsNoDataDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "meta.properties"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, server.Config{Properties: map[string]string{"log.dirs": dir}}, "is a Kafka log directory")
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v was written", left)
	}
}

// What a broker is told about by its properties is one of the two: known, or
// explained away.
func TestKnownPropertiesAreHonouredWithTheirDefaults(t *testing.T) {
	for _, p := range server.KnownProperties() {
		if p.Default == "" {
			continue
		}
		e := server.Explain(map[string]string{p.Name: p.Default})[0]
		k, isConfig := configs.Broker(p.Name)
		kept := isConfig && k.Effect == configs.Kept
		if e.Status == server.PropertyInvalid || (e.Status == server.PropertyIgnored) != kept || e.Dynamic && !p.Dynamic {
			t.Errorf("%+v is explained as %+v", p, e)
		}
	}
}

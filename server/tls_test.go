package server_test

import (
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server"
	"moldau/server/servertest"
	"moldau/server/servertest/certificate"
)

// pemFiles are a keystore and a truststore of one certificate.
type pemFiles struct {
	keystore, truststore string
	client               *tls.Config // that trusts it, and has it
}

func newPEMFiles(t *testing.T) pemFiles {
	t.Helper()
	dir := t.TempDir()
	f := pemFiles{keystore: filepath.Join(dir, "key.pem"), truststore: filepath.Join(dir, "ca.pem")}
	f.renew(t)
	return f
}

// renew puts a new certificate in place.
func (f *pemFiles) renew(t *testing.T) {
	t.Helper()
	both, public, err := certificate.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{f.keystore: both, f.truststore: public} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, f.client, err = certificate.Configs(both, public); err != nil {
		t.Fatal(err)
	}
}

// roundTrip produces a record and fetches it.
func roundTrip(t *testing.T, addr string, config *tls.Config) error {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DialTLSConfig(config), kgo.ConsumeTopics("topic"),
		kgo.DefaultProduceTopic("topic"), kgo.AllowAutoTopicCreation(), kgo.RequestRetries(0), kgo.RecordRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.Ping(t.Context()); err != nil {
		return err
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: []byte("by TLS")}).FirstErr(); err != nil {
		return err
	}
	for {
		fetched := cl.PollFetches(t.Context())
		if err := fetched.Err(); err != nil || fetched.NumRecords() > 0 {
			return err
		}
	}
}

func TestClientsSpeakTLS(t *testing.T) {
	f := newPEMFiles(t)
	b := servertest.Start(t, server.Config{TLS: &server.TLS{Keystore: f.keystore}})
	if err := roundTrip(t, b.Addr(), &tls.Config{RootCAs: f.client.RootCAs}); err != nil {
		t.Fatal(err)
	}
	nc, err := tls.Dial("tcp", b.Addr(), f.client)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if v := nc.ConnectionState().Version; v != tls.VersionTLS13 {
		t.Errorf("version %x", v)
	}
	if _, err := tls.Dial("tcp", b.Addr(), &tls.Config{RootCAs: f.client.RootCAs, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

// Properties are as a file of Kafka's has them.
func TestTLSByProperties(t *testing.T) {
	f := newPEMFiles(t)
	s, err := server.Start(server.Config{DataDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Properties: map[string]string{
		"listeners": "CLIENTS://127.0.0.1:0", "listener.security.protocol.map": "CLIENTS:SSL",
		"ssl.keystore.type": "PEM", "ssl.keystore.location": f.keystore, "ssl.enabled.protocols": "TLSv1.3",
		"ssl.truststore.type": "PEM", "ssl.truststore.location": f.truststore,
		"ssl.client.auth": "none", "listener.name.clients.ssl.client.auth": "required",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(t.Context())
	if err := roundTrip(t, s.Addr().String(), f.client); err != nil {
		t.Error(err)
	}
	if err := roundTrip(t, s.Addr().String(), &tls.Config{RootCAs: f.client.RootCAs}); err == nil {
		t.Error("a client without a certificate is served")
	}
	old := f.client.Clone()
	old.MaxVersion = tls.VersionTLS12
	if err := roundTrip(t, s.Addr().String(), old); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := s.Counters().HandshakesFailed; n < 2 {
		t.Errorf("%d handshakes have failed", n)
	}
}

// A certificate that is only asked for is verified all the same.
func TestRequestedCertificatesAreVerified(t *testing.T) {
	f, foreign := newPEMFiles(t), newPEMFiles(t)
	b := servertest.Start(t, server.Config{TLS: &server.TLS{Keystore: f.keystore, Truststore: f.truststore, ClientAuth: "requested", MaxVersion: tls.VersionTLS12}})
	for name, c := range map[string]struct {
		certificates []tls.Certificate
		served       bool
	}{"none": {nil, true}, "its own": {f.client.Certificates, true}, "another's": {foreign.client.Certificates, false}} {
		err := roundTrip(t, b.Addr(), &tls.Config{RootCAs: f.client.RootCAs, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c.certificates == nil {
				return &tls.Certificate{}, nil
			}
			return &c.certificates[0], nil
		}})
		if (err == nil) != c.served {
			t.Errorf("a client's certificate: %s: %v", name, err)
		}
	}
	// An authority that is trusted from now on.
	text, err := os.ReadFile(foreign.truststore)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.truststore, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := roundTrip(t, b.Addr(), &tls.Config{RootCAs: f.client.RootCAs, Certificates: foreign.client.Certificates}); err != nil {
		t.Error(err)
	}
}

// A certificate that was renewed is shown to whoever connects next; files that cannot
// be read change nothing.
func TestCertificatesAreReadAnew(t *testing.T) {
	f := newPEMFiles(t)
	b := servertest.Start(t, server.Config{TLS: &server.TLS{Keystore: f.keystore}})
	dial := func() error {
		nc, err := tls.Dial("tcp", b.Addr(), f.client)
		if err == nil {
			nc.Close()
		}
		return err
	}
	if err := dial(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(f.keystore)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := os.WriteFile(f.keystore, []byte("no key"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := dial(); err != nil {
			t.Errorf("with a broken file: %v", err)
		}
	}
	if err := os.WriteFile(f.keystore, good, 0o600); err != nil {
		t.Fatal(err)
	}
	f.renew(t)
	later := time.Now().Add(time.Hour) // a file system may tell times coarsely
	if err := os.Chtimes(f.keystore, later, later); err != nil {
		t.Fatal(err)
	}
	if err := dial(); err != nil {
		t.Errorf("with a new certificate: %v", err)
	}
}

func TestBadTLSFilesEndTheStart(t *testing.T) {
	f := newPEMFiles(t)
	for want, c := range map[string]server.TLS{
		"no such file":                  {Keystore: filepath.Join(t.TempDir(), "none")},
		"failed to find any PEM":        {Keystore: emptyFile(t)},
		"no certificate is in it":       {Keystore: f.keystore, Truststore: emptyFile(t)},
		"certificate rather than a key": {Keystore: f.truststore},
		"ssl.client.auth":               {Keystore: f.keystore, ClientAuth: "perhaps"},
		"ssl.keystore.location":         {},
	} {
		s, err := server.Start(server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), TLS: &c})
		if err == nil {
			_ = s.Shutdown(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

func emptyFile(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

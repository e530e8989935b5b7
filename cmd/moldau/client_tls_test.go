package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moldau/server"
	"moldau/server/servertest"
	"moldau/server/servertest/certificate"
)

// A broker that speaks TLS, and wants certificates, is talked to with the flags for it,
// and not without.
func TestCommandsSpeakTLS(t *testing.T) {
	both, public, err := certificate.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, ca, rubbish := filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem"), filepath.Join(dir, "rubbish")
	for name, b := range map[string][]byte{key: both, ca: public, rubbish: []byte("no certificate")} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := servertest.Start(t, server.Config{TLS: &server.TLS{Keystore: key, Truststore: ca, ClientAuth: "required"}})
	create := func(more ...string) (int, string) {
		code, _, errOut := moldau(t.Context(), "", append([]string{"topic", "create", "secret", "-b", b.Addr()}, more...)...)
		return code, errOut
	}
	if code, errOut := create("--tls-ca", ca, "--tls-cert", key); code != exitDone {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _ := create("--tls-ca", rubbish); code != exitUsage {
		t.Errorf("with a file of no certificate: exit %d", code)
	}
	if code, errOut := create("--tls", "--tls-cert", key); code != exitFailed || !strings.Contains(errOut, "certificate") {
		t.Errorf("an authority that is not trusted: exit %d, %s", code, errOut)
	}
}

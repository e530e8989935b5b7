package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLS is how the clients' listener speaks it. Files are PEM, and are read anew when
// they have changed, so that certificates are renewed without a restart.
type TLS struct {
	// Keystore is a file of the private key, not encrypted, and the certificates, the
	// broker's own first. Kafka: ssl.keystore.location.
	Keystore string
	// Truststore is a file of the authorities whose certificates clients may have: what
	// any public one signs would say nothing of them. Kafka: ssl.truststore.location.
	Truststore string
	// ClientAuth tells whether clients need a certificate: "required", "requested" (it
	// is verified if there is one), or "none", which "" stands for. Kafka:
	// ssl.client.auth.
	ClientAuth string
	// MinVersion and MaxVersion are the oldest and the newest version that are spoken,
	// default tls.VersionTLS12 and tls.VersionTLS13. Kafka: ssl.enabled.protocols.
	MinVersion, MaxVersion uint16
}

var clientAuths = map[string]tls.ClientAuthType{
	"": tls.NoClientCert, "none": tls.NoClientCert, "requested": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert,
}

func (t *TLS) check() error {
	auth, known := clientAuths[t.ClientAuth]
	switch {
	case t.Keystore == "":
		return errors.New("TLS needs a key and a certificate: ssl.keystore.location names a PEM file of both")
	case !known:
		return fmt.Errorf("ssl.client.auth is %q, want none, requested or required", t.ClientAuth)
	case auth != tls.NoClientCert && t.Truststore == "":
		return errors.New("clients' certificates need authorities: ssl.truststore.location names a PEM file of theirs")
	}
	for _, v := range []uint16{t.MinVersion, t.MaxVersion} {
		if v != 0 && v != tls.VersionTLS12 && v != tls.VersionTLS13 {
			return errors.New("the versions of TLS that can be spoken are 1.2 and 1.3")
		}
	}
	return nil
}

// load reads the files.
func (t *TLS) load() (*tls.Config, error) {
	text, err := os.ReadFile(t.Keystore)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s must be PEM, of a private key that is not encrypted and its certificates: %w", t.Keystore, err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: clientAuths[t.ClientAuth],
		MinVersion: max(t.MinVersion, tls.VersionTLS12), MaxVersion: t.MaxVersion,
	}
	if t.Truststore == "" {
		return c, nil
	}
	if text, err = os.ReadFile(t.Truststore); err != nil {
		return nil, err
	}
	if c.ClientCAs = x509.NewCertPool(); !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s must be PEM, and no certificate is in it", t.Truststore)
	}
	return c, nil
}

// tlsFiles is what connections are begun by: as the files are now, or were when they
// could last be read.
type tlsFiles struct {
	TLS
	logger *slog.Logger

	mu     sync.Mutex
	config *tls.Config
	read   fileStamps // as config is
	failed fileStamps // as was told last
}

// fileStamps tell that one of the files has changed.
type fileStamps [2]struct {
	modified time.Time
	bytes    int64
}

func (t *TLS) stamps() (s fileStamps) {
	for i, name := range []string{t.Keystore, t.Truststore} {
		if info, err := os.Stat(name); err == nil {
			s[i].modified, s[i].bytes = info.ModTime(), info.Size()
		}
	}
	return s
}

// newTLS reads the files for the first time.
func newTLS(t TLS, logger *slog.Logger) (*tls.Config, error) {
	f := &tlsFiles{TLS: t, logger: logger, read: t.stamps()}
	var err error
	if f.config, err = t.load(); err != nil {
		return nil, err
	}
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.current(), nil }}, nil
}

// current is called for each connection. What cannot be read is tried again with the
// next, and told once.
func (f *tlsFiles) current() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.stamps()
	if now == f.read {
		return f.config
	}
	c, err := f.load()
	switch {
	case err == nil:
		f.config, f.read = c, now
		f.logger.Info("files of TLS have changed and were read anew", "keystore", f.Keystore)
	case now != f.failed:
		f.failed = now
		f.logger.Error("files of TLS have changed and cannot be read: what they were is kept", "err", err)
	}
	return f.config
}

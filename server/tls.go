package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// TLS is how the clients' listener speaks it. Files are PEM, and are read anew when
// they have changed, so that certificates are renewed without a restart.
type TLS struct {
	// Keystore is a file of the private key, not encrypted, and the certificates, the
	// broker's own first. Kafka: ssl.keystore.location.
	Keystore string
	// Truststore is a file of the authorities whose certificates clients may have;
	// "" is the system's. Kafka: ssl.truststore.location.
	Truststore string
	// ClientAuth tells whether clients need a certificate: "required", "requested" (it
	// is verified if there is one), or "none", which "" stands for. Kafka:
	// ssl.client.auth.
	ClientAuth string
	// MinVersion is the oldest version that is spoken, default tls.VersionTLS12. Kafka:
	// ssl.enabled.protocols.
	MinVersion uint16
}

var clientAuths = map[string]tls.ClientAuthType{
	"": tls.NoClientCert, "none": tls.NoClientCert, "requested": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert,
}

func (t *TLS) check() error {
	_, known := clientAuths[t.ClientAuth]
	switch {
	case t.Keystore == "":
		return errors.New("TLS needs a key and a certificate, which ssl.keystore.location names a PEM file of")
	case !known:
		return fmt.Errorf("ssl.client.auth is %q, want none, requested or required", t.ClientAuth)
	case t.MinVersion != 0 && t.MinVersion != tls.VersionTLS12 && t.MinVersion != tls.VersionTLS13:
		return errors.New("the oldest TLS that is spoken can be 1.2 or 1.3")
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
		return nil, fmt.Errorf("%s: %w", t.Keystore, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: max(t.MinVersion, tls.VersionTLS12), ClientAuth: clientAuths[t.ClientAuth]}
	if t.Truststore == "" {
		return c, nil
	}
	if text, err = os.ReadFile(t.Truststore); err != nil {
		return nil, err
	}
	if c.ClientCAs = x509.NewCertPool(); !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate is in it", t.Truststore)
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
	stamps [2]fileStamp // of the files that were tried last
}

// fileStamp tells a file that has changed.
type fileStamp struct {
	modified time.Time
	bytes    int64
}

func (f *tlsFiles) stampsNow() (stamps [2]fileStamp) {
	for i, name := range []string{f.Keystore, f.Truststore} {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

// newTLS reads the files for the first time.
func newTLS(t TLS, logger *slog.Logger) (*tls.Config, error) {
	f := &tlsFiles{TLS: t, logger: logger}
	f.stamps = f.stampsNow()
	var err error
	if f.config, err = t.load(); err != nil {
		return nil, err
	}
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.current(), nil }}, nil
}

func (f *tlsFiles) current() *tls.Config {
	stamps := f.stampsNow()
	f.mu.Lock()
	defer f.mu.Unlock()
	if stamps == f.stamps {
		return f.config
	}
	f.stamps = stamps
	if c, err := f.load(); err != nil {
		f.logger.Error("files of TLS have changed and cannot be read: what they were is kept", "err", err)
	} else {
		f.config = c
		f.logger.Info("files of TLS have changed and are read anew", "keystore", f.Keystore)
	}
	return f.config
}

// tls is what properties say of TLS.
func (t *translation) tls(c *Config) error {
	for _, name := range []string{"ssl.keystore.type", "ssl.truststore.type"} {
		if kind, given := t.properties[name]; given && !strings.EqualFold(kind, "PEM") {
			return fmt.Errorf("%s is %q, and Moldau reads PEM", name, kind)
		}
	}
	s := &TLS{Keystore: t.properties["ssl.keystore.location"], Truststore: t.properties["ssl.truststore.location"], ClientAuth: t.properties["ssl.client.auth"]}
	if versions := listItems(t.properties["ssl.enabled.protocols"]); len(versions) > 0 {
		s.MinVersion = tls.VersionTLS13
		for _, v := range versions {
			switch v {
			case "TLSv1.2":
				s.MinVersion = tls.VersionTLS12
			case "TLSv1.3":
			default:
				return fmt.Errorf("ssl.enabled.protocols has %q, and Moldau speaks TLSv1.2 and TLSv1.3", v)
			}
		}
		if !slices.Contains(versions, "TLSv1.3") {
			return errors.New("ssl.enabled.protocols has no TLSv1.3, which Moldau always speaks")
		}
	}
	c.TLS = s
	return s.check()
}

package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"moldau/server/servertest/certificate"
)

// TLS are the files of a broker that speaks it, PEM.
type TLS struct {
	Keystore    string // private key and certificate
	Certificate string // what clients trust
}

// NewTLS makes a certificate for 127.0.0.1 in a directory.
func NewTLS(dir string) (*TLS, error) {
	both, public, err := certificate.SelfSigned("127.0.0.1")
	if err != nil {
		return nil, err
	}
	t := &TLS{filepath.Join(dir, "keystore.pem"), filepath.Join(dir, "certificate.pem")}
	if err := os.WriteFile(t.Keystore, both, 0o600); err != nil {
		return nil, err
	}
	return t, os.WriteFile(t.Certificate, public, 0o644)
}

// Trusting is how a client is configured that trusts a certificate, nil without one.
func Trusting(certificate string) (*tls.Config, error) {
	if certificate == "" {
		return nil, nil
	}
	text, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13}
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate is in it", certificate)
	}
	return c, nil
}

// TLSProperties have the only listener for clients speak TLS 1.3, with the cipher that
// Go chooses: a JVM's own choice costs it more.
func (l *Launch) TLSProperties() []string {
	if l.TLS == nil {
		return nil
	}
	all := []string{"ssl.keystore.type=PEM", "ssl.keystore.location=" + l.TLS.Keystore, "ssl.enabled.protocols=TLSv1.3"}
	if l.Binary != "" {
		return append(all, "listeners=SSL://"+l.Addr())
	}
	return append(all,
		fmt.Sprintf("listeners=SSL://%s,CONTROLLER://127.0.0.1:%d", l.Addr(), l.Port+1),
		"advertised.listeners=SSL://"+l.Addr(), "inter.broker.listener.name=SSL",
		"listener.security.protocol.map=SSL:SSL,CONTROLLER:PLAINTEXT",
		"ssl.truststore.type=PEM", "ssl.truststore.location="+l.TLS.Certificate,
		"ssl.protocol=TLSv1.3", "ssl.cipher.suites=TLS_AES_128_GCM_SHA256",
	)
}

// trusted is the certificate that clients trust, "" for plaintext.
func (l *Launch) trusted() string {
	if l.TLS == nil {
		return ""
	}
	return l.TLS.Certificate
}

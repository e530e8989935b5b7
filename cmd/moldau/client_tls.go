package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// clientTLS is how brokers are talked to that speak TLS.
type clientTLS struct {
	on        bool
	ca, certs string // files
}

func (t *clientTLS) register(flags *pflag.FlagSet) {
	flags.BoolVar(&t.on, "tls", false, "speak TLS, and trust the system's authorities")
	flags.StringVar(&t.ca, "tls-ca", "", "speak TLS, and trust the authorities in this PEM `file`")
	flags.StringVar(&t.certs, "tls-cert", "", "speak TLS, with the key and certificates in this PEM `file`")
}

// config is nil for plaintext.
func (t *clientTLS) config() (*tls.Config, error) {
	if !t.on && t.ca == "" && t.certs == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.ca != "" {
		text, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: no certificate is in it", t.ca)
		}
	}
	if t.certs != "" {
		pair, err := tls.LoadX509KeyPair(t.certs, t.certs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.certs, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

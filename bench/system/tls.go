package system

import (
	"strings"

	"moldau/server/compat/broker"
)

const tlsSuffix = "-tls"

// TLS is the name of a system, or of a limit program, that speaks TLS 1.3.
func TLS(name string) string { return name + tlsSuffix }

// byTLS is a system's name without that, and whether it was there.
func byTLS(name string) (string, bool) { return strings.CutSuffix(name, tlsSuffix) }

// tlsFiles are the session's: all that speak TLS have one certificate.
func (p *Pool) tlsFiles() (*broker.TLS, error) {
	if p.files != nil {
		return p.files, nil
	}
	dir, err := p.Directory()
	if err != nil {
		return nil, err
	}
	p.files, err = broker.NewTLS(dir)
	return p.files, err
}

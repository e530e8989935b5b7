package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tlsProperties are what can be said of a listener of SSL: for all, or behind
// listener.name.NAME. for the one of that name. Those that Kafka has beside and that
// would change who is let in are refused.
var tlsProperties = map[string]func(s *TLS, value string) error{
	"ssl.keystore.location":   func(s *TLS, value string) error { s.Keystore = value; return nil },
	"ssl.truststore.location": func(s *TLS, value string) error { s.Truststore = value; return nil },
	"ssl.keystore.type":       pemOnly,
	"ssl.truststore.type":     pemOnly,
	"ssl.client.auth": func(s *TLS, value string) error {
		if _, known := clientAuths[value]; !known || value == "" {
			return errors.New("want none, requested or required")
		}
		s.ClientAuth = value
		return nil
	},
	"ssl.enabled.protocols": (*TLS).setVersions,

	"ssl.keystore.key":               filesOnly,
	"ssl.keystore.certificate.chain": filesOnly,
	"ssl.truststore.certificates":    filesOnly,
	"ssl.key.password":               func(*TLS, string) error { return errors.New("the key may not be encrypted") },
}

func pemOnly(_ *TLS, value string) error {
	if !strings.EqualFold(value, "PEM") {
		return errors.New("Moldau reads PEM")
	}
	return nil
}

func filesOnly(*TLS, string) error {
	return errors.New("keys and certificates are read from files only")
}

func (t *TLS) setVersions(value string) error {
	for _, item := range listItems(value) {
		v := uint16(tls.VersionTLS13)
		switch item {
		case "TLSv1.2":
			v = tls.VersionTLS12
		case "TLSv1.3":
		default:
			return fmt.Errorf("%q is none of TLSv1.2 and TLSv1.3", item)
		}
		if t.MinVersion == 0 || v < t.MinVersion {
			t.MinVersion = v
		}
		t.MaxVersion = max(t.MaxVersion, v)
	}
	return nil
}

// tls has the config say what properties do of the listener of that name, which is to
// speak TLS. The error is of what they lack; what is wrong with one is its own.
func (t *translation) tls(c *Config, listener string) error {
	c.TLS = &TLS{}
	wrong := false
	for _, key := range slices.Sorted(maps.Keys(tlsProperties)) {
		name := "listener.name." + strings.ToLower(listener) + "." + key
		value, own := t.properties[name]
		if !own {
			name = key
			var given bool
			if value, given = t.properties[name]; !given {
				continue
			}
		}
		t.became[name] = "it is of " + listener + ", which speaks TLS"
		if err := tlsProperties[key](c.TLS, value); err != nil {
			// Its value may be a secret.
			t.errs[name], wrong = fmt.Errorf("Invalid value for configuration %s: %w", name, err), true
		}
	}
	if wrong {
		return nil
	}
	return c.TLS.check()
}

// ssl is one of these properties, whether or not a listener speaks TLS.
func (t *translation) ssl(_ *Config, name, _ string) (string, error) {
	if text, ok := t.became[name]; ok {
		return text, t.errs[name]
	}
	t.notes[name] = "no listener goes by it"
	return "it is of a listener that speaks TLS", nil
}

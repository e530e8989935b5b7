package server

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Security protocols that a listener can be opened for.
const (
	plaintext = "PLAINTEXT"
	encrypted = "SSL"
)

// namedAddress is one of Kafka's listeners: NAME://host:port.
type namedAddress struct{ name, address string }

func (a namedAddress) String() string { return a.name + "://" + a.address }

func parseListeners(value string) ([]namedAddress, error) {
	var all []namedAddress
	seen := map[string]bool{}
	for _, item := range listItems(value) {
		name, address, ok := strings.Cut(item, "://")
		a := namedAddress{strings.ToUpper(name), address}
		switch err := checkAddress(address); {
		case !ok || name == "":
			return nil, fmt.Errorf("%q is not NAME://host:port", item)
		case err != nil:
			return nil, fmt.Errorf("%q is not NAME://host:port: %w", item, err)
		case seen[a.name]:
			return nil, fmt.Errorf("two listeners have the name %s", a.name)
		}
		seen[a.name] = true
		all = append(all, a)
	}
	if len(all) == 0 {
		return nil, errors.New("it names no address")
	}
	return all, nil
}

// listItems are the elements of a list as a user wrote it.
func listItems(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// protocols tells the security protocol of each listener name: those that are
// protocols stand for themselves unless a map says otherwise.
func (t *translation) protocols() (func(name string) (string, bool), error) {
	byName := map[string]string{plaintext: plaintext, encrypted: encrypted, "SASL_PLAINTEXT": "SASL_PLAINTEXT", "SASL_SSL": "SASL_SSL"}
	for _, item := range listItems(t.properties["listener.security.protocol.map"]) {
		name, protocol, ok := strings.Cut(item, ":")
		if !ok || name == "" || protocol == "" {
			return nil, fmt.Errorf("listener.security.protocol.map holds %q, which is not NAME:PROTOCOL", item)
		}
		byName[strings.ToUpper(name)] = strings.ToUpper(protocol)
	}
	return func(name string) (string, bool) { p, ok := byName[name]; return p, ok }, nil
}

// open divides listeners in the one to open, the first of PLAINTEXT or, if there is
// none, of SSL, and what is said of the others. Where one protocol is wanted it is the
// first of that. A listener that asks for encryption or authentication is never opened
// without.
func (t *translation) open(all []namedAddress, wanted string) (chosen *openedListener, closed []string, err error) {
	protocolOf, err := t.protocols()
	if err != nil {
		return nil, nil, err
	}
	var others []namedAddress
	for _, a := range all {
		protocol, known := protocolOf(a.name)
		switch {
		case t.isController(a.name):
			closed = append(closed, fmt.Sprintf("%s is not opened: the controller is in this process", a))
		case !known:
			return nil, nil, fmt.Errorf("listener.security.protocol.map does not tell the protocol of %s", a.name)
		case wanted != "" && protocol != wanted:
			closed = append(closed, fmt.Sprintf("%s is not opened: clients are to speak %s", a, wanted))
		case protocol != plaintext && protocol != encrypted:
			closed = append(closed, fmt.Sprintf("%s is not opened: there is no %s yet", a, protocol))
		case chosen == nil:
			chosen = &openedListener{a, protocol}
		case chosen.protocol != plaintext && protocol == plaintext:
			others, chosen = append(others, chosen.namedAddress), &openedListener{a, protocol}
		default:
			others = append(others, a)
		}
	}
	for _, a := range others {
		closed = append(closed, fmt.Sprintf("%s is not opened: Moldau has one listener, %s", a, chosen))
	}
	return chosen, closed, nil
}

// openedListener is the one that clients are accepted at.
type openedListener struct {
	namedAddress
	protocol string
}

func (t *translation) isController(name string) bool {
	return slices.ContainsFunc(listItems(t.properties["controller.listener.names"]), func(s string) bool {
		return strings.EqualFold(s, name)
	})
}

func (t *translation) listeners(c *Config, name, value string) (string, error) {
	if c.Listen != "" {
		return overridden, t.staysEncrypted(c, value)
	}
	all, err := parseListeners(value)
	if err != nil {
		return "", err
	}
	wanted := ""
	if c.TLS != nil {
		wanted = encrypted
	}
	chosen, closed, err := t.open(all, wanted)
	if err != nil {
		return "", err
	}
	if chosen == nil {
		return "", fmt.Errorf("no listener can be opened: %s", strings.Join(closed, "; "))
	}
	if chosen.protocol == encrypted && c.TLS == nil {
		if err := t.tls(c, chosen.name); err != nil {
			return "", err
		}
	}
	c.Listen, t.listener = chosen.address, chosen.name
	t.notes[name] = strings.Join(closed, "; ")
	if chosen.protocol == encrypted {
		return "clients are accepted at " + chosen.address + " by TLS", nil
	}
	return "clients are accepted at " + chosen.address, nil
}

// staysEncrypted refuses listeners that an address of higher rank would open without
// TLS. Others may say anything.
func (t *translation) staysEncrypted(c *Config, value string) error {
	all, err := parseListeners(value)
	if err != nil || c.TLS != nil {
		return nil
	}
	if chosen, _, err := t.open(all, ""); err == nil && chosen != nil && chosen.protocol == encrypted {
		return fmt.Errorf("%s speaks TLS, and the address %s, which is stronger, would not: name it in listeners", chosen, c.Listen)
	}
	return nil
}

func (t *translation) advertised(c *Config, name, value string) (string, error) {
	if c.Advertise != "" {
		return overridden, nil
	}
	all, err := parseListeners(value)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(a namedAddress) bool { return a.name == t.listener })
	if t.listener == "" {
		// The listener has no name, or is the default one: what would be opened of
		// these is meant.
		chosen, _, err := t.open(all, c.protocol())
		if err != nil {
			return "", err
		}
		if chosen != nil {
			i = slices.Index(all, chosen.namedAddress)
		}
	}
	if i < 0 {
		return "", errors.New("it has no address for the listener that is opened")
	}
	if _, err := parseEndpoint(all[i].address); err != nil {
		return "", err
	}
	c.Advertise = all[i].address
	var others []string
	for j, a := range all {
		if j != i {
			others = append(others, fmt.Sprintf("%s is not advertised: its listener is not opened", a))
		}
	}
	t.notes[name] = strings.Join(others, "; ")
	host, port, _ := net.SplitHostPort(c.Advertise)
	return fmt.Sprintf("clients are told to use port %s of %s", port, host), nil
}

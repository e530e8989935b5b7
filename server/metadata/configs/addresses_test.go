package configs_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"moldau/server/metadata/configs"
)

func TestAddressLimits(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1")
	for text, want := range map[string]map[netip.Addr]int{
		"":                             {},
		"10.0.0.1:0":                   {v4: 0},
		" 10.0.0.1 : 5 , [fe80::1]:7 ": {v4: 5, v6: 7},
		"fe80::1:7,::ffff:10.0.0.1:9":  {v4: 9, v6: 7},
	} {
		got, err := configs.AddressLimits(text)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"10.0.0.1":              "ADDRESS:COUNT",
		"broker.example:5":      "not an IP address",
		"10.0.0.1:-1":           "not a number",
		"10.0.0.1:many":         "not a number",
		"10.0.0.1:99999999999":  "not a number",
		"10.0.0.1:1,10.0.0.2:x": "not a number",
	} {
		if _, err := configs.AddressLimits(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	key, _ := configs.Broker("max.connections.per.ip.overrides")
	if _, err := key.Parse("here:1"); err == nil {
		t.Error("the config takes a host name")
	}
}

package configs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// AddressLimits reads ADDRESS:COUNT,... as max.connections.per.ip.overrides has
// it. IPv6 addresses may stand in brackets. Kafka also takes host names and looks
// them up once; here a limit means what it says.
func AddressLimits(text string) (map[netip.Addr]int, error) {
	limits := map[netip.Addr]int{}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		at := strings.LastIndexByte(item, ':')
		if at < 0 {
			return nil, fmt.Errorf("%q is not ADDRESS:COUNT", item)
		}
		host := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(item[:at]), "["), "]")
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return nil, fmt.Errorf("%q is not an IP address", host)
		}
		count, err := strconv.ParseUint(strings.TrimSpace(item[at+1:]), 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number of connections", item[at+1:])
		}
		limits[addr.Unmap()] = int(count)
	}
	return limits, nil
}

func addressLimits(v Value) string {
	if _, err := AddressLimits(v.Text); err != nil {
		return err.Error()
	}
	return ""
}

package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// need is a test that would hang without an API.
type need struct {
	key  int16
	name string
}

// unmetNeeds names the tests whose API the broker does not advertise.
func unmetNeeds(ctx context.Context, addr string, needs []need) ([]string, error) {
	if len(needs) == 0 {
		return nil, nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("asking %s for its APIs: %w", addr, err)
	}
	var unmet []string
	for _, n := range needs {
		served := slices.ContainsFunc(versions.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool { return k.ApiKey == n.key })
		if !served {
			unmet = append(unmet, n.name)
		}
	}
	return unmet, nil
}

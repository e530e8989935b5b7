package api

import (
	"context"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/wire"
)

// alterTimeout bounds the requests that alter configs, which carry no timeout.
const alterTimeout = 30 * time.Second

// alteration is what both requests that alter configs ask of one resource.
type alteration struct {
	kind    kmsg.ConfigResourceType
	name    string
	changes []controller.ConfigChange
	null    []string // keys that came without the value they need
}

// altered is the answer for one alteration.
type altered struct {
	code    int16
	message *string
}

// alterConfigs replaces all configs of resources.
func (b *Broker) alterConfigs(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrAlterConfigsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	asked := make([]alteration, len(req.Resources))
	for i := range req.Resources {
		asked[i].kind, asked[i].name = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		for _, c := range req.Resources[i].Configs {
			asked[i].add(c.Name, controller.SetConfig, c.Value)
		}
	}
	resp := kmsg.NewPtrAlterConfigsResponse()
	resp.Version = r.Version
	for i, answer := range b.alter(ctx, asked, true, req.ValidateOnly) {
		res := kmsg.NewAlterConfigsResponseResource()
		res.ResourceType, res.ResourceName = asked[i].kind, asked[i].name
		res.ErrorCode, res.ErrorMessage = answer.code, answer.message
		resp.Resources = append(resp.Resources, res)
	}
	return wire.Reply{Response: resp}, nil
}

// incrementalAlterConfigs changes the configs that are named and no others.
func (b *Broker) incrementalAlterConfigs(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	asked := make([]alteration, len(req.Resources))
	for i := range req.Resources {
		asked[i].kind, asked[i].name = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		for _, c := range req.Resources[i].Configs {
			asked[i].add(c.Name, controller.ConfigOp(c.Op), c.Value)
		}
	}
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	resp.Version = r.Version
	for i, answer := range b.alter(ctx, asked, false, req.ValidateOnly) {
		res := kmsg.NewIncrementalAlterConfigsResponseResource()
		res.ResourceType, res.ResourceName = asked[i].kind, asked[i].name
		res.ErrorCode, res.ErrorMessage = answer.code, answer.message
		resp.Resources = append(resp.Resources, res)
	}
	return wire.Reply{Response: resp}, nil
}

func (a *alteration) add(key string, op controller.ConfigOp, value *string) {
	change := controller.ConfigChange{Key: key, Op: op}
	switch {
	case value != nil:
		change.Value = *value
	case op != controller.DeleteConfig:
		a.null = append(a.null, key)
	}
	a.changes = append(a.changes, change)
}

// alter answers each alteration. One that is refused keeps no other from being
// made.
func (b *Broker) alter(ctx context.Context, asked []alteration, replace, validateOnly bool) []altered {
	ctx, cancel := context.WithTimeout(ctx, alterTimeout)
	defer cancel()
	times := make(map[resource]int, len(asked))
	for i := range asked {
		times[resource{asked[i].kind, asked[i].name}]++
	}
	answers := make([]altered, len(asked))
	var changes []controller.ResourceChange
	var places []int
	for i := range asked {
		a := &asked[i]
		err := b.checkAlteration(a, replace)
		if times[resource{a.kind, a.name}] > 1 {
			err = controller.Refuse(controller.ErrInvalidRequest, "Each resource must appear at most once.")
		}
		if err != nil {
			answers[i] = altered{errorCode(err), errorMessage(err)}
			continue
		}
		changes = append(changes, controller.ResourceChange{
			Resource: metadata.Resource(a.kind), Name: a.name, Changes: a.changes, Replace: replace,
		})
		places = append(places, i)
	}
	for n, err := range b.Controller.AlterConfigs(ctx, changes, validateOnly) {
		answers[places[n]] = altered{errorCode(err), errorMessage(err)}
	}
	return answers
}

// checkAlteration refuses what no topic or broker could be asked for.
func (b *Broker) checkAlteration(a *alteration, replace bool) error {
	seen := make(map[string]bool, len(a.changes))
	for _, c := range a.changes {
		if seen[c.Key] {
			return controller.Refuse(controller.ErrInvalidRequest, "Error due to duplicate config keys")
		}
		seen[c.Key] = true
	}
	if len(a.null) > 0 {
		return controller.Refuse(controller.ErrInvalidRequest, "Null value not supported for : %s", strings.Join(a.null, ", "))
	}
	switch a.kind {
	case kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker:
		return nil
	case kmsg.ConfigResourceTypeBrokerLogger:
		if !replace {
			return errNoLoggers()
		}
	case kmsg.ConfigResourceTypeGroupConfig:
		if len(a.changes) > 0 {
			return controller.Refuse(controller.ErrInvalidConfig, "Unknown group config name: %s", a.changes[0].Key)
		}
	case kmsg.ConfigResourceTypeClientMetrics:
		if len(a.changes) > 0 {
			return controller.Refuse(controller.ErrInvalidRequest, "Unknown client metrics configuration: %s", a.changes[0].Key)
		}
	}
	return controller.Refuse(controller.ErrInvalidRequest, "Unknown resource type %d", a.kind)
}

package api

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/wire"
)

// describeConfigs answers what is configured, and where each value comes from.
func (b *Broker) describeConfigs(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDescribeConfigsResponse()
	resp.Version = r.Version
	img := b.Controller.Image()
	answered := map[resource]bool{}
	for i := range req.Resources {
		asked := &req.Resources[i]
		// Once each: an answer is a thousand times as large as its question.
		key := b.resourceOf(asked)
		if answered[key] {
			continue
		}
		answered[key] = true
		res := kmsg.NewDescribeConfigsResponseResource()
		res.ResourceType, res.ResourceName = asked.ResourceType, asked.ResourceName
		// Kafka leaves the message empty, and not null, where there is no error.
		res.ErrorMessage = kmsg.StringPtr("")
		entries, err := b.configEntries(img, asked)
		if err != nil {
			res.ErrorCode, res.ErrorMessage = errorCode(err), errorMessage(err)
		}
		for n := range entries {
			res.Configs = append(res.Configs, describedConfig(&entries[n], req))
		}
		resp.Resources = append(resp.Resources, res)
	}
	return wire.Reply{Response: resp}, nil
}

// resource is what configs belong to.
type resource struct {
	kind kmsg.ConfigResourceType
	name string
}

// resourceOf is the resource that is asked for. A broker's id can be spelled in
// any number of ways.
func (b *Broker) resourceOf(asked *kmsg.DescribeConfigsRequestResource) resource {
	r := resource{asked.ResourceType, asked.ResourceName}
	if r.kind == kmsg.ConfigResourceTypeBroker && r.name != "" && b.checkOwnID(r.name, "") == nil {
		r.name = strconv.Itoa(int(b.NodeID))
	}
	return r
}

func (b *Broker) configEntries(img *metadata.Image, asked *kmsg.DescribeConfigsRequestResource) ([]configs.Entry, error) {
	layers := b.Controller.Layers(img)
	switch asked.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if err := controller.CheckTopicName(asked.ResourceName); err != nil {
			return nil, err
		}
		t, ok := img.Topic(asked.ResourceName)
		if !ok {
			return nil, controller.Refuse(controller.ErrUnknownTopic, "")
		}
		return layers.Topic(t.Configs, asked.ConfigNames), nil
	case kmsg.ConfigResourceTypeBroker:
		if asked.ResourceName == "" {
			return layers.DefaultEntries(asked.ConfigNames), nil
		}
		if err := b.checkOwnID(asked.ResourceName, " or empty string"); err != nil {
			return nil, err
		}
		return layers.BrokerEntries(asked.ConfigNames), nil
	case kmsg.ConfigResourceTypeBrokerLogger:
		if asked.ResourceName == "" {
			return nil, controller.Refuse(controller.ErrInvalidRequest, "Broker id must not be empty")
		}
		if err := b.checkOwnID(asked.ResourceName, ""); err != nil {
			return nil, err
		}
		return nil, errNoLoggers()
	case kmsg.ConfigResourceTypeClientMetrics:
		if asked.ResourceName == "" {
			return nil, controller.Refuse(controller.ErrInvalidRequest, "Client metrics subscription name must not be empty")
		}
		return nil, nil
	case kmsg.ConfigResourceTypeGroupConfig:
		if asked.ResourceName == "" {
			return nil, controller.Refuse(controller.ErrInvalidRequest, "Group name must not be empty")
		}
		return nil, nil
	}
	return nil, controller.Refuse(controller.ErrInvalidRequest, "Unsupported resource type: %d", asked.ResourceType)
}

// errNoLoggers tells that log levels are not settings of the broker: Kafka's
// are Java classes, and Moldau has none of them.
func errNoLoggers() error {
	return controller.Refuse(controller.ErrInvalidRequest, "Moldau has no loggers whose level can be set at run time.")
}

func (b *Broker) checkOwnID(name, alternative string) error {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return controller.Refuse(controller.ErrInvalidRequest, "Broker id must be an integer, but it is: %s", name)
	}
	if int32(id) != b.NodeID {
		return controller.Refuse(controller.ErrInvalidRequest, "Unexpected broker id, expected %d%s, but received %s", b.NodeID, alternative, name)
	}
	return nil
}

func describedConfig(e *configs.Entry, req *kmsg.DescribeConfigsRequest) kmsg.DescribeConfigsResponseResourceConfig {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.Value = e.Name, shown(e)
	c.Source = kmsg.ConfigSource(e.Source)
	c.ReadOnly, c.IsSensitive = e.ReadOnly, e.Sensitive()
	c.ConfigType = kmsg.ConfigType(e.Type)
	if req.IncludeSynonyms {
		for _, s := range e.Settings {
			synonym := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
			synonym.Name, synonym.Source = s.Name, kmsg.ConfigSource(s.Source)
			if !e.Sensitive() {
				synonym.Value = &s.Value
			}
			c.ConfigSynonyms = append(c.ConfigSynonyms, synonym)
		}
	}
	if req.IncludeDocumentation {
		c.Documentation = kmsg.StringPtr(e.Doc())
	}
	return c
}

package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

const (
	keyProduce     int16 = 0
	keyFetch       int16 = 1
	keyApiVersions int16 = 18
)

// route is one API: which versions are advertised and who serves them.
type route struct {
	min, max int16
	// decodes is the lowest version that is really served.
	decodes int16
	serve   func(*Broker, context.Context, *wire.Request) (wire.Reply, error)
}

// versions is the route of an API of which every advertised version is served.
func versions(low, high int16, serve func(*Broker, context.Context, *wire.Request) (wire.Reply, error)) route {
	return route{min: low, max: high, decodes: low, serve: serve}
}

// table is every API by its key. An API has exactly the versions of Apache
// Kafka 4.3.1 or is not here at all: clients infer a release from the ranges,
// and with it behaviour that no single key speaks of.
var table = [...]route{
	// Produce 0 to 2 are advertised and, as by Kafka, answered by a closed
	// connection: librdkafka up to 2.11 takes a higher minimum for a broker
	// without gzip, snappy and lz4 (KAFKA-18659).
	keyProduce:     {min: 0, max: 13, decodes: 3, serve: (*Broker).produce},
	keyFetch:       versions(4, 18, (*Broker).fetch),
	2:              versions(1, 11, (*Broker).listOffsets),
	3:              versions(0, 13, (*Broker).metadata),
	8:              versions(2, 10, (*Broker).offsetCommit),
	9:              versions(1, 10, (*Broker).offsetFetch),
	10:             versions(0, 6, (*Broker).findCoordinator),
	11:             versions(0, 9, (*Broker).joinGroup),
	12:             versions(0, 4, (*Broker).heartbeat),
	13:             versions(0, 5, (*Broker).leaveGroup),
	14:             versions(0, 5, (*Broker).syncGroup),
	15:             versions(0, 6, (*Broker).describeGroups),
	16:             versions(0, 5, (*Broker).listGroups),
	keyApiVersions: versions(0, 4, (*Broker).apiVersions),
	19:             versions(2, 7, (*Broker).createTopics),
	20:             versions(1, 6, (*Broker).deleteTopics),
	21:             versions(0, 2, (*Broker).deleteRecords),
	22:             versions(0, 5, (*Broker).initProducerID),
	23:             versions(2, 4, (*Broker).offsetForLeaderEpoch),
	32:             versions(1, 4, (*Broker).describeConfigs),
	33:             versions(0, 2, (*Broker).alterConfigs),
	35:             versions(1, 5, (*Broker).describeLogDirs),
	37:             versions(0, 3, (*Broker).createPartitions),
	42:             versions(0, 2, (*Broker).deleteGroups),
	44:             versions(0, 1, (*Broker).incrementalAlterConfigs),
	47:             versions(0, 0, (*Broker).offsetDelete),
	60:             versions(0, 2, (*Broker).describeCluster),
	75:             versions(0, 0, (*Broker).describeTopicPartitions),
}

func lookup(key int16) (*route, bool) {
	if key < 0 || int(key) >= len(table) || table[key].serve == nil {
		return nil, false
	}
	return &table[key], true
}

func advertised() []kmsg.ApiVersionsResponseApiKey {
	var keys []kmsg.ApiVersionsResponseApiKey
	for key := range table {
		if table[key].serve == nil {
			continue
		}
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = int16(key), table[key].min, table[key].max
		keys = append(keys, k)
	}
	return keys
}

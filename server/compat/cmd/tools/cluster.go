package main

import (
	"context"
	"fmt"
	"regexp"
)

func clusterChecks() []check {
	return []check{
		{"BrokerApiVersionsCommand: every key in Kafka 4.3's range", brokerAPIVersions},
		{"ClusterTool cluster-id", clusterID},
	}
}

// apiRanges are the ranges that Kafka 4.3.1 advertises for what every client
// needs. Clients infer a release from them, so that another range is a lie.
var apiRanges = []struct {
	name     string
	key      int
	min, max int
}{
	{"Produce", 0, 0, 13}, {"Fetch", 1, 4, 18}, {"ListOffsets", 2, 1, 11}, {"Metadata", 3, 0, 13},
	{"ApiVersions", 18, 0, 4}, {"CreateTopics", 19, 2, 7}, {"DeleteTopics", 20, 1, 6}, {"DeleteRecords", 21, 0, 2},
	{"InitProducerId", 22, 0, 5}, {"OffsetForLeaderEpoch", 23, 2, 4}, {"DescribeConfigs", 32, 1, 4},
	{"AlterConfigs", 33, 0, 2}, {"DescribeLogDirs", 35, 1, 5}, {"CreatePartitions", 37, 0, 3},
	{"IncrementalAlterConfigs", 44, 0, 1}, {"DescribeCluster", 60, 0, 2}, {"DescribeTopicPartitions", 75, 0, 0},
}

func brokerAPIVersions(ctx context.Context, b *bench) error {
	out, err := b.tool(ctx, "org.apache.kafka.tools.BrokerApiVersionsCommand").ok()
	if err != nil {
		return err
	}
	if err := wants(out, b.addr+" (id: 1 rack: null isFenced: false) -> ("); err != nil {
		return err
	}
	for _, r := range apiRanges {
		versions := fmt.Sprintf("%d to %d", r.min, r.max)
		if r.min == r.max {
			versions = fmt.Sprint(r.min)
		}
		line := regexp.MustCompile(fmt.Sprintf(`\t%s\(%d\): %s \[usable: %d\]`, r.name, r.key, versions, r.max))
		if !line.MatchString(out) {
			return fmt.Errorf("no line %s in\n%s", line, out)
		}
	}
	return nil
}

func clusterID(ctx context.Context, b *bench) error {
	// Its command comes before the address.
	out, err := b.java(ctx, "", "org.apache.kafka.tools.ClusterTool", "cluster-id", "--bootstrap-server", b.addr).ok()
	if err != nil {
		return err
	}
	m, err := b.adm.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	return wants(out, "Cluster ID: "+m.Cluster)
}

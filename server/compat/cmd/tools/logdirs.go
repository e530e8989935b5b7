package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

func logDirChecks() []check {
	return []check{{"LogDirsCommand --describe", logDirs}}
}

func logDirs(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 2)
	if err != nil {
		return err
	}
	if _, err := b.kcat(ctx, strings.Repeat("x", 5000)+"\n", "-P", "-t", topic, "-p", "1", "-z", "none").ok(); err != nil {
		return err
	}
	out, err := b.tool(ctx, "org.apache.kafka.tools.LogDirsCommand", "--describe", "--topic-list", topic, "--broker-list", "1").ok()
	if err != nil {
		return err
	}
	var described struct {
		Brokers []struct {
			Broker  int `json:"broker"`
			LogDirs []struct {
				Error      *string `json:"error"`
				LogDir     string  `json:"logDir"`
				Partitions []struct {
					Partition string `json:"partition"`
					Size      int64  `json:"size"`
					OffsetLag int64  `json:"offsetLag"`
					IsFuture  bool   `json:"isFuture"`
				} `json:"partitions"`
			} `json:"logDirs"`
		} `json:"brokers"`
	}
	begin := strings.IndexByte(out, '{')
	if begin < 0 {
		return fmt.Errorf("no JSON in %s", out)
	}
	if err := json.Unmarshal([]byte(out[begin:]), &described); err != nil {
		return err
	}
	if len(described.Brokers) != 1 || len(described.Brokers[0].LogDirs) != 1 {
		return fmt.Errorf("described %+v", described)
	}
	dir := described.Brokers[0].LogDirs[0]
	if dir.Error != nil || dir.LogDir == "" {
		return fmt.Errorf("log directory %q, error %v", dir.LogDir, dir.Error)
	}
	sizes := map[string]int64{}
	for _, p := range dir.Partitions {
		if p.OffsetLag != 0 || p.IsFuture {
			return fmt.Errorf("partition %+v", p)
		}
		sizes[p.Partition] = p.Size
	}
	if len(sizes) != 2 || sizes[topic+"-0"] != 0 || sizes[topic+"-1"] < 5000 || sizes[topic+"-1"] > 5200 {
		return fmt.Errorf("sizes %v", sizes)
	}
	return nil
}

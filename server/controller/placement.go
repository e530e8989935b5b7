package controller

import (
	"slices"

	"moldau/server/metadata"
)

// place puts partitions first to first+n-1 of a topic on brokers, the leader
// first: round about, so that leaders spread evenly.
func place(img *metadata.Image, first, n int32, replication int16) ([]metadata.Partition, error) {
	brokers := img.Brokers()
	if int(replication) > len(brokers) {
		return nil, Refuse(ErrInvalidReplication,
			"Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only %d broker(s) are registered.",
			replication, replication, len(brokers))
	}
	// One list of replicas per broker that can come first, shared by all
	// partitions that have it.
	lists := make([][]int32, len(brokers))
	for b := range brokers {
		for r := range int(replication) {
			lists[b] = append(lists[b], brokers[(b+r)%len(brokers)].ID)
		}
	}
	partitions := make([]metadata.Partition, n)
	for p := range partitions {
		partitions[p] = newPartition(lists[(int(first)+p)%len(brokers)])
	}
	return partitions, nil
}

func newPartition(replicas []int32) metadata.Partition {
	return metadata.Partition{Leader: replicas[0], Replicas: replicas, ISR: replicas}
}

// placeByHand checks replicas that a client chose for one partition. factor is
// what the topic's other partitions have, 0 for the first one.
func placeByHand(img *metadata.Image, replicas []int32, factor int) (metadata.Partition, error) {
	if len(replicas) == 0 {
		return metadata.Partition{}, Refuse(ErrInvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	for n, id := range replicas {
		if slices.Contains(replicas[:n], id) {
			return metadata.Partition{}, Refuse(ErrInvalidReplicaAssignment,
				"The manual partition assignment includes the broker %d more than once.", id)
		}
		if _, ok := img.Broker(id); !ok {
			return metadata.Partition{}, Refuse(ErrInvalidReplicaAssignment,
				"The manual partition assignment includes broker %d, but no such broker is registered.", id)
		}
	}
	if factor != 0 && factor != len(replicas) {
		return metadata.Partition{}, Refuse(ErrInvalidReplicaAssignment,
			"The manual partition assignment includes a partition with %d replica(s), but this is not consistent with previous partitions, which have %d replica(s).",
			len(replicas), factor)
	}
	return newPartition(slices.Clone(replicas)), nil
}

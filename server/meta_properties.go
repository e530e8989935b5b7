package server

import (
	"fmt"

	"moldau/server/kraft"
)

// checkOwner refuses a directory of another cluster or broker: its logs would be
// served under the wrong topics.
func checkOwner(m *kraft.MetaProperties, nodeID int32, clusterID string) error {
	const file = dataLogs + "/" + kraft.MetaPropertiesFile
	switch {
	case m.NodeID != nodeID:
		return fmt.Errorf("%s: the data belongs to node.id %d, not %d", file, m.NodeID, nodeID)
	case clusterID != "" && m.ClusterID != clusterID:
		return fmt.Errorf("%s: the data belongs to cluster %s, not %s", file, m.ClusterID, clusterID)
	}
	return nil
}

package server

import (
	"errors"
	"fmt"
	"net"

	"moldau/server/admin"
	"moldau/server/controller"
	"moldau/server/group"
	"moldau/server/replica"
)

// The stores, as metrics call them.
const (
	dataStoreName     = "data"
	metadataStoreName = "metadata"
)

// observe lets operators see what serves now.
func (s *Server) observe(control *controller.Controller, replicas *replica.Manager, groups *group.Coordinator) {
	if s.admin != nil {
		s.admin.Attach(admin.Sources{
			NodeID: s.cfg.NodeID, Image: control.Image, Replicas: replicas,
			Stores: s.stores, Clients: s.wire, Errors: s.broker.Errors, Groups: groupsSource{groups},
			FetchSessions: func() admin.FetchSessions { return admin.FetchSessions(s.broker.FetchSessions()) },
		})
	}
	s.health.Serve(func() admin.Progress {
		loading, total := groups.Loading()
		return admin.Progress{Done: int64(total - loading), Total: int64(total)}
	}, func() error { return errors.Join(control.Err(), s.poisoned()) })
}

// groupsSource is the coordinator as operators see it.
type groupsSource struct{ groups *group.Coordinator }

func (s groupsSource) Each(yield func(admin.Group) bool) {
	var offsets []admin.GroupOffset // one group's at a time
	s.groups.Each(func(g group.Snapshot) bool {
		offsets = offsets[:0]
		for i := range g.Offsets {
			o := &g.Offsets[i]
			offsets = append(offsets, admin.GroupOffset{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset})
		}
		return yield(admin.Group{ID: g.ID, State: g.State.String(), Members: g.Members, Offsets: offsets})
	})
}

// poisoned says which store nothing can be written to. The metadata has one log;
// among those of the topics one that is poisoned leaves the others in use.
func (s *Server) poisoned() error {
	for _, named := range s.stores {
		u := named.Store.Usage()
		if u.Poisoned > 0 && u.Poisoned == u.Logs {
			return fmt.Errorf("every log of the %s store is poisoned: %d", named.Name, u.Logs)
		}
	}
	return nil
}

// adminAddress is where operators are listened for. Who names no host gets a
// loopback address, and not every one: there is no password.
func adminAddress(configured string) string {
	host, port, err := net.SplitHostPort(configured)
	if err != nil || host != "" {
		return configured
	}
	return net.JoinHostPort("127.0.0.1", port)
}

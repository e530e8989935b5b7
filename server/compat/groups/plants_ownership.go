package groups

import "time"

var ownershipPlants = []plant{
	{"nothing", "", func(*scene) {}},
	{"given away before it was given up", Shared, func(s *scene) {
		s.beat(2*time.Second, s.a, s.b)
		s.rejoin(s.b, 3, 1, 2, 3)
	}},
	{"given away in the millisecond before it was given up", Shared, func(s *scene) {
		s.join("c", "", 3, 0)
		s.a.Revoked(slots(0))
	}},
	{"cooperative: given away after it was given up", "", func(s *scene) {
		s.a.Revoked(slots(0))
		s.join("c", "", 3, 0)
		s.rejoin(s.a, 3, 1)
	}},
	{"a killed member's partitions after its session", "", func(s *scene) {
		s.beat(7*time.Second, s.b)
		s.b.Lost()
		s.rejoin(s.b, 3, 0, 1, 2, 3)
	}},
	{"a killed member's partitions within its session", Shared, func(s *scene) {
		s.beat(5*time.Second, s.b)
		s.b.Lost()
		s.rejoin(s.b, 3, 0, 1, 2, 3)
	}},
	{"a sleeper's partitions after its session", "", func(s *scene) {
		s.beat(8*time.Second, s.b)
		s.rejoin(s.b, 3, 0, 1, 2, 3)
		s.a.Lost()
	}},
	{"a sleeper that is heard again and still owns", Shared, func(s *scene) {
		s.beat(8*time.Second, s.b)
		s.rejoin(s.b, 3, 0, 1, 2, 3)
		s.beat(time.Second, s.a)
	}},
	{"a member that waits to join for longer than its session", "", func(s *scene) {
		asked := s.clock
		s.beat(9*time.Second, s.b)
		s.a.Waited(asked, s.clock)
		s.a.Revoked(slots(1))
		s.pass(time.Millisecond)
		s.rejoin(s.b, 3, 1, 2, 3)
	}},
	{"given away while its owner waits to join", Shared, func(s *scene) {
		asked := s.clock
		s.beat(8*time.Second, s.b)
		s.rejoin(s.b, 3, 0, 2, 3)
		s.a.Waited(asked, s.clock)
	}},
	{"a static member comes back", "", func(s *scene) {
		s.a.Lost()
		s.join("c1", "c", 3, 0, 1)
		s.pass(time.Second)
		s.join("c2", "c", 3, 0, 1)
	}},
	{"a static member's partitions while it is away", Shared, func(s *scene) {
		s.a.Lost()
		s.join("c1", "c", 3, 0, 1)
		s.beat(2*time.Second, s.b)
		s.rejoin(s.b, 4, 0, 2, 3)
	}},
	{"a member dropped within its session", Dropped, func(s *scene) {
		s.beat(5*time.Second, s.b)
		s.a.Dropped()
	}},
	{"a member dropped after its session", "", func(s *scene) {
		s.beat(7*time.Second, s.b)
		s.a.Dropped()
	}},
	{"a static member whose id is taken over", "", func(s *scene) {
		c := s.join("c1", "c", 3)
		s.join("c2", "c", 3)
		c.Dropped()
	}},
	{"two members in one generation", Doubled, func(s *scene) {
		s.b.Lost()
		s.join("c", "", 2, 2)
	}},
	{"a generation that goes back", Backwards, func(s *scene) {
		s.a.Lost()
		s.b.Lost()
		s.pass(time.Millisecond)
		s.rejoin(s.b, 1)
	}},
	{"an answer that was overtaken", "", func(s *scene) {
		s.a.Lost()
		asked := s.clock
		s.b.Lost()
		s.rejoin(s.b, 4)
		s.a.Waited(asked, s.clock)
		s.a.Assigned(3, asked, nil)
	}},
}

package groups

var commitPlants = []plant{
	{"an unknown commit that was stored", "", func(s *scene) {
		s.fetch("b", 2, 25, s.commit("b", 2, 2, 25, -1))
	}},
	{"an unknown commit that was not stored", "", func(s *scene) {
		s.commit("b", 2, 2, 25, -1)
		s.fetch("b", 2, 20, "b#7")
	}},
	{"an acknowledged commit lost", Back, func(s *scene) {
		s.commit("b", 2, 2, 25, 0)
		s.fetch("b", 2, 20, "b#7")
	}},
	{"all commits of a partition lost", Back, func(s *scene) { s.fetch("b", 2, -1, "") }},
	{"an acknowledged commit lost, seen by who resumes", Back, func(s *scene) {
		s.commit("b", 2, 2, 25, 0)
		s.ReadOffset("c", slots(2)[0], s.clock, 20)
	}},
	{"an unknown commit that was read and is gone", Back, func(s *scene) {
		s.fetch("b", 2, 25, s.commit("b", 2, 2, 25, -1))
		s.fetch("b", 2, 20, "b#7")
	}},
	{"a commit whose answer leaves open what became of it", "", func(s *scene) {
		s.fetch("b", 2, 25, s.commit("b", 2, 2, 25, 15))
	}},
	{"a refused commit that was stored", Refused, func(s *scene) {
		s.fetch("b", 2, 25, s.commit("b", 2, 2, 25, 22))
	}},
	{"a refused commit, and the same offset again", "", func(s *scene) {
		s.commit("b", 2, 2, 25, 27)
		s.fetch("b", 2, 25, s.commit("b", 2, 2, 25, 0))
	}},
	{"an offset above all that were sent", Beyond, func(s *scene) { s.fetch("b", 2, 21, "b#7") }},
	{"an offset between two commits", Foreign, func(s *scene) {
		s.commit("b", 2, 2, 25, -1)
		s.fetch("b", 2, 22, "b#7")
	}},
	{"the metadata of another commit", Foreign, func(s *scene) { s.fetch("b", 2, 20, "b#1") }},
	{"metadata cut short", Foreign, func(s *scene) { s.fetch("b", 2, 20, "") }},
	{"a resumption where nothing was committed", Foreign, func(s *scene) {
		s.commit("b", 2, 2, 25, -1)
		s.ReadOffset("c", slots(2)[0], s.clock, 21)
	}},
	{"a resumption at the start where something is committed", Back, func(s *scene) {
		s.ReadOffset("c", slots(2)[0], s.clock, 0)
	}},
	{"a beginning at the start where nothing is committed", "", func(s *scene) {
		s.ReadOffset("c", slots(7)[0], s.clock, 0)
	}},
	{"a commit of a generation that is over", Stale, func(s *scene) {
		s.b.Lost()
		s.rejoin(s.b, 3, 2, 3)
		s.commit("a", 2, 0, 25, 0)
	}},
	{"a commit of a generation that is over, refused", "", func(s *scene) {
		s.b.Lost()
		s.rejoin(s.b, 3, 2, 3)
		s.commit("a", 2, 0, 25, 22)
	}},
	{"a commit without generation", "", func(s *scene) { s.commit("committer", -1, 3, 30, 0) }},
	{"records that nobody was given", Unread, func(s *scene) { s.Ended("t", 2, 21) }},
	{"a partition that was never read", Unread, func(s *scene) { s.Ended("t", 4, 1) }},
	{"records left out by who resumes too far", Unread, func(s *scene) {
		s.Consumed(slots(2)[0], 22, 30)
		s.Ended("t", 2, 30)
	}},
	{"records that two were given", "", func(s *scene) {
		s.Consumed(slots(2)[0], 15, 30)
		s.Ended("t", 2, 30)
	}},
}

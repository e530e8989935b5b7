// Package compare tells whether a run differs from an earlier one: by row and
// system the medians, the change, and whether the two sets of blocks can be told
// apart at all, by the Mann-Whitney U test as in benchstat.
//
// Two runs share no turns: what drifted between them, another kernel, a warmer
// machine, other guests of the host, is in the change. [Options].Over compares
// ratios to a system that both runs have, formed within turns, in which most of
// that cancels.
package compare

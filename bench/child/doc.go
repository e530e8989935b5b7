// Package child has this very binary play a part of a scenario in a process of its
// own: one that is killed, begins with nothing in memory, or runs on other cores.
//
// A role reads its task as JSON and answers with JSON. A child is started with the
// hidden command "child" and the role's name, and ends without any clearing up; one
// that stays waits for its parent to kill it.
package child

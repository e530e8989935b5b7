//go:build race

package logstore_test

// raceEnabled makes what is tried at every operation be tried at every eighth:
// .ci/run tries all of it without the detector, which slows it tenfold.
const raceEnabled = true

const crashPointsDefault = 200

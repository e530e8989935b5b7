//go:build !race

package logstore_test

const raceEnabled = false

const crashPointsDefault = 2000

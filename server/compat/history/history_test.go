package history_test

import (
	"testing"

	"moldau/server/compat/history"
)

func TestEveryPlantedFaultIsFound(t *testing.T) {
	wrong, _ := history.Misjudged()
	for _, w := range wrong {
		t.Error(w)
	}
}

package groups_test

import (
	"testing"

	"moldau/server/compat/groups"
)

func TestEveryPlantedFaultIsFoundAndNothingElse(t *testing.T) {
	wrong, _ := groups.Misjudged()
	for _, w := range wrong {
		t.Error(w)
	}
}

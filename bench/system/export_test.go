package system

import (
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Asking is a system of which no more is known than how to ask it.
func Asking(c *kgo.Client) *System {
	return &System{Name: "asked", client: c, admin: kadm.NewClient(c)}
}

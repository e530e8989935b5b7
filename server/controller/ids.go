package controller

import (
	"crypto/rand"
	"time"

	"moldau/server/metadata"
)

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// cryptoRand never fails: the runtime ends the process if the system has no
// randomness.
func cryptoRand(b []byte) { _, _ = rand.Read(b) }

// newID draws a UUID of version 4, as Kafka does: none whose text begins with a
// hyphen, which command lines take for an option.
func (c *Controller) newID() metadata.TopicID {
	for {
		var id metadata.TopicID
		c.o.Rand(id[:])
		id[6] = id[6]&0x0f | 0x40
		id[8] = id[8]&0x3f | 0x80
		if id.String()[0] != '-' {
			return id
		}
	}
}

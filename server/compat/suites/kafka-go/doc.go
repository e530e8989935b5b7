// Package kafkago keeps segmentio/kafka-go, whose own tests are a suite, among
// this module's requirements: nothing else imports it.
package kafkago

import _ "github.com/segmentio/kafka-go" // its tests are run

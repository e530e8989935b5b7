package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"moldau/server/wire"
)

// answer is what another part of the broker will have to say to a request,
// perhaps at once.
type answer[T any] struct{ said chan T }

func newAnswer[T any]() answer[T] { return answer[T]{make(chan T, 1)} }

// say is called once.
func (a answer[T]) say(t T) { a.said <- t }

// reply is the reply to the request, made of what is said with respond.
// Until then heldBytes are held. When the broker shuts down, or with patience
// other than 0 when that is over, instead is taken for said.
func (a answer[T]) reply(conn *wire.Conn, heldBytes int64, patience time.Duration, instead T, respond func(T) wire.Response) wire.Reply {
	select {
	case t := <-a.said:
		return wire.Reply{Response: respond(t)}
	default:
	}
	return wire.Reply{
		HeldBytes: heldBytes,
		Ready:     func() bool { return len(a.said) > 0 },
		Park: func(ctx context.Context) (wire.Response, error) {
			var over <-chan time.Time
			if patience > 0 {
				timer := time.NewTimer(patience)
				defer timer.Stop()
				over = timer.C
			}
			select {
			case t := <-a.said:
				return respond(t), nil
			case <-over:
			case <-conn.Draining():
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			select { // what came in the same moment is the truth
			case t := <-a.said:
				return respond(t), nil
			default:
				return respond(instead), nil
			}
		},
	}
}

// answers is an answer that is said in parts.
type answers struct {
	answer[[]error]

	mu    sync.Mutex
	parts []error
	left  int // under mu
}

func newAnswers(n int) *answers {
	a := &answers{answer: newAnswer[[]error](), parts: make([]error, n), left: n}
	if n == 0 {
		a.answer.say(nil)
	}
	return a
}

// say says the i-th part.
func (a *answers) say(i int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts[i] = err
	if a.left--; a.left == 0 {
		a.answer.say(a.parts)
	}
}

// all is every part the same.
func (a *answers) all(err error) []error { return slices.Repeat([]error{err}, len(a.parts)) }

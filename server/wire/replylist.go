package wire

import "sync"

// blockReplies is how many replies are in a block of a list: as many as clients
// have under way as a rule.
const blockReplies = 4

// replyList is replies in their order. It takes up what those that are in it need,
// in blocks that a pool lends, but for the last one: that stays, so that a
// connection with a reply at a time does not ask the pool for each. The zero value
// is empty and has no block.
type replyList struct {
	replies   int
	head      *replyBlock // of the oldest
	tail      *replyBlock // of the newest
	from, end int         // the oldest's place in head, and that behind the newest in tail
}

type replyBlock struct {
	replies [blockReplies]pending
	next    *replyBlock
}

var replyBlocks = sync.Pool{New: func() any { return new(replyBlock) }}

func (l *replyList) push(p *pending) {
	switch {
	case l.tail == nil:
		l.head = replyBlocks.Get().(*replyBlock)
		l.tail = l.head
	case l.end == blockReplies:
		b := replyBlocks.Get().(*replyBlock)
		l.tail.next = b
		l.tail, l.end = b, 0
	}
	l.tail.replies[l.end] = *p
	l.end++
	l.replies++
}

// pop takes the oldest, which there must be.
func (l *replyList) pop(p *pending) {
	at := &l.head.replies[l.from]
	*p, *at = *at, pending{}
	l.from++
	l.replies--
	switch {
	case l.replies == 0: // and head is tail
		l.from, l.end = 0, 0
	case l.from == blockReplies:
		b := l.head
		l.head, l.from = b.next, 0
		b.next = nil
		replyBlocks.Put(b)
	}
}

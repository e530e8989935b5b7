// Package coordinator is the machine that groups and transactions share: state
// that is kept in a partition of an internal topic, and changed in three steps.
//
// A change is decided against the present state, under the lock of the state's
// owner. [Journal.Propose] then appends it as records to the partition. Once
// they are below the high watermark, and so survive what the topic's durability
// says, it is applied, in the order of the log. Changes that do not depend on
// one another need not wait for each other: many may be under way at once.
//
// Since decision and append happen under one lock, the order of the log is the
// order of the decisions, and a replay of the log comes to the same state. An
// owner that decides by state which a change under way will replace must look at
// that change as well; what it is told at the end is in the order of the log.
//
// A journal that cannot bring what it appended below the high watermark knows
// nothing any more, and takes nothing: its owner loads the state anew.
//
// The package knows neither groups nor transactions, nor where the partition
// comes from.
package coordinator

// Package manifest keeps the one file of a store that tells, for each log, what
// recovery needs: after a clean close it is all that opening reads, and after a
// crash it names the logs whose directories must be listed and scanned.
//
// A [State] is what the file says: a [Row] for each log, and a little about the
// store. The file begins with a snapshot of a state; behind it stand the changes
// made since, one frame each. [Read] folds them, [Open] goes on behind them,
// [File.Rewrite] puts a new snapshot in place of both.
//
// What holds:
//
//   - A change is written when its method returns, and so outlives the process.
//     It is durable when [File.Sync] of its number has returned, and all before it
//     are too. Whoever comes while a sync runs shares the next.
//   - After a crash the file is read as it was after some change, the last one
//     that was synced or a later one. There is a file of the old content or of
//     the new one, however a rewrite ends.
//   - A failed write leaves nothing behind. After a failed sync, or where that
//     cannot be had, the file is poisoned: [ErrPoisoned] until it is opened anew.
//   - Torn is not rotten. Each frame names how much before it was known to be
//     durable when it was written. Bad bytes below that, or in the snapshot, are a
//     [CorruptError]; others are the torn end of what was not synced, and dropped
//     with all behind them, because pages reach a disk in any order.
//   - No incarnation that was ever written is below [State].NextIncarnation's
//     last value, those of dropped rows included.
//
// What the rows mean is the engine's: nothing here looks at a log's directory,
// or knows which offsets are possible.
//
// # Format
//
// Integers are big-endian. The header is 24 bytes:
//
//	 0  magic     8 bytes  "MOLDAUM\x01"
//	 8  version   uint32   1
//	12  snapshot  uint64   position in the file at which the snapshot ends
//	20  CRC-32C   uint32   of bytes 0 to 19
//
// Frames follow without gaps:
//
//	0  length    uint32   of the payload
//	4  CRC-32C   uint32   of the length and the payload
//	8  kind      uint8
//	9  lag       uvarint  bytes right before this frame that were not known to be
//	                      durable; 0 in a snapshot
//	   fields             of the kind, and nothing behind them
//
// A uvarint is base 128, low bits first, at most 64 bits, and not padded; a
// varint is a zigzagged one. A difference is a varint that wraps at 64 bits. A
// name is a length of one byte, at least 1, and as many bytes.
//
//	kind 1, store: the first frame of a snapshot, and nowhere else
//	  rows             uvarint  that follow in the snapshot
//	  next incarnation uvarint  above all that were ever in the file
//	  journal start    uvarint
//	  flags            uint8    1 closed; the others 0
//	  marker           as in kind 7, if closed
//
//	kind 2, row: whole, in place of any of that name
//	  scalars          as in kind 3
//	  topic id         16 bytes
//	  epochs           uvarint count, then of each:
//	    epoch          difference to the one before, the first to 0
//	    start          likewise
//	  segments         uvarint count, then of each:
//	    base           difference to the end of the one before, the first to 0
//	    end            difference to the base
//	    bytes          varint
//	    offsets bytes  varint
//	    times bytes    varint
//	    timestamp max  difference to that of the one before, the first to 0
//	    its offset     difference to the base
//
//	kind 3, note: the scalars of the row of that name and incarnation; if there
//	is none, nothing
//	  log              name
//	  incarnation      uvarint  below 2^64-1
//	  flags            uint8    1 dirty, 2 cleaned follows, 4 quarantined; the others 0
//	  recovery         varint
//	  synced           difference to recovery
//	  start            likewise
//	  high             likewise
//	  holes below      likewise
//	  cleaned          likewise, if it is not 0
//
//	kind 4, drop: no row of that name
//	  log              name
//
//	kind 5, journal
//	  journal start    uvarint
//
//	kind 6, opened: no fields
//
//	kind 7, closed
//	  inode            uvarint  } of the clean shutdown file
//	  mod time         varint   } ns
package manifest

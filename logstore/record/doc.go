// Package record reads and writes Kafka's record batches of magic 2, the unit
// in which records are produced, stored and fetched.
//
// # Vocabulary
//
// A batch is a header of [HeaderBytes] and its records, which one codec may have
// compressed together. Offsets, timestamps and sequences of records are deltas
// to the header's. A [Batch] is a view: it owns no memory, reads and writes
// the header in place and never looks past its own bytes.
//
// # What is checked, and where
//
// [Next] cuts a batch off a run of bytes by its length field. [Batch.Check]
// verifies what the header alone can tell, the CRC above all. [Batch.Walk]
// verifies the records against the header without materialising them, and says
// what they truly hold, for headers may lie. [Iterator] hands records out. The
// CRC does not cover base offset, length, leader epoch and magic: whoever
// stores batches must check those by other means.
//
// None of these allocates for an uncompressed batch. Compressed ones are
// unpacked as a stream against a limit the caller must give, and the buffers
// behind it are pooled: a few bytes never make the process allocate what they
// merely claim to unpack to.
//
// # What it does not do
//
// Batches of magic 0 and 1, which Kafka wrote before 0.11, are recognised
// ([ErrOldMagic]) and refused. Nothing here judges offsets, sequences or
// timestamps against a log; package logstore does.
//
// # Layout
//
// All integers are big-endian.
//
//	 0  base offset          int64   not covered by the CRC
//	 8  length               int32   bytes after this field; not covered
//	12  leader epoch         int32   not covered
//	16  magic                int8    2; not covered
//	17  CRC-32C              uint32  of everything behind it
//	21  attributes           int16   0-2 codec, 3 log-append time,
//	                                 4 transactional, 5 control, 6 delete horizon
//	23  last offset delta    int32
//	27  base timestamp       int64   ms; the delete horizon where bit 6 is set
//	35  max timestamp        int64   ms
//	43  producer id          int64   -1 none
//	51  producer epoch       int16   -1 none
//	53  base sequence        int32   -1 none
//	57  record count         int32
//	61  records
//
// A record is, in zigzag varints unless noted: length of what follows,
// attributes (one byte, unused), timestamp delta (64 bits), offset delta, key
// length (-1 null), key, value length (-1 null), value, header count, and per
// header key length, key, value length (-1 null), value.
package record

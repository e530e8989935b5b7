package manifest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// The layout is drawn in doc.go.
const (
	magic            = "MOLDAUM\x01"
	version          = 1
	headerBytes      = 24
	frameHeaderBytes = 8
	payloadBytesMin  = 2 // kind and lag
)

const (
	kindStore byte = iota + 1
	kindRow
	kindNote
	kindDrop
	kindJournal
	kindOpened
	kindClosed
)

// Flags of a row.
const (
	flagDirty byte = 1 << iota
	flagCleaned
	flagQuarantined
)

func knownKind(kind byte) bool { return kind >= kindStore && kind <= kindClosed }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeHeader(snapshot int64) []byte {
	b := append(make([]byte, 0, headerBytes), magic...)
	b = binary.BigEndian.AppendUint32(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(snapshot))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeHeader returns where the snapshot ends. The header was durable before
// the file had its name, so there is no torn one.
func decodeHeader(b []byte) (snapshot int64, err error) {
	size := uint64(len(b))
	switch {
	case size < headerBytes:
		return 0, fmt.Errorf("header of %d bytes", size)
	case string(b[:len(magic)]) != magic:
		return 0, fmt.Errorf("magic is %q", b[:len(magic)])
	case binary.BigEndian.Uint32(b[headerBytes-4:]) != crc32.Checksum(b[:headerBytes-4], castagnoli):
		return 0, errors.New("CRC of the header")
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != version {
		return 0, fmt.Errorf("%w %d, this program knows %d", ErrVersion, v, version)
	}
	end := binary.BigEndian.Uint64(b[12:])
	if end < headerBytes || end > size {
		return 0, fmt.Errorf("snapshot ends at %d, the file at %d", end, size)
	}
	return int64(end), nil
}

func checksum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:4], castagnoli), castagnoli, frame[frameHeaderBytes:])
}

// beginFrame appends what comes before the fields.
func beginFrame(b []byte, kind byte, lag int64) []byte {
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, kind)
	return binary.AppendUvarint(b, uint64(lag))
}

// endFrame sets length and CRC of the frame that begins at start and ends b.
func endFrame(b []byte, start int) ([]byte, error) {
	frame := b[start:]
	length := len(frame) - frameHeaderBytes
	if uint64(length) > math.MaxUint32 {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrInvalid, length)
	}
	binary.BigEndian.PutUint32(frame, uint32(length))
	binary.BigEndian.PutUint32(frame[4:], checksum(frame))
	return b, nil
}

// nextFrame returns the frame at the start of b, nil if there is no whole one.
func nextFrame(b []byte) []byte {
	if len(b) < frameHeaderBytes+payloadBytesMin {
		return nil
	}
	length := uint64(binary.BigEndian.Uint32(b))
	if length < payloadBytesMin || length > uint64(len(b)-frameHeaderBytes) {
		return nil
	}
	frame := b[:frameHeaderBytes+length]
	if checksum(frame) != binary.BigEndian.Uint32(b[4:]) {
		return nil
	}
	return frame
}

package naive

import (
	"errors"
	"strconv"
	"strings"
)

// ReadSnapshot reads a producer snapshot. Of entries with the same id the last counts.
func ReadSnapshot(b []byte) (map[int64]Producer, error) {
	const header, entry = 10, 46
	if len(b) < header || order.Uint16(b) != 1 || order.Uint32(b[2:]) != checksum(b[6:]) || int64(order.Uint32(b[6:]))*entry != int64(len(b)-header) {
		return nil, errors.New("snapshot")
	}
	all := map[int64]Producer{}
	for e := b[header:]; len(e) > 0; e = e[entry:] {
		p := Producer{
			ID: int64(order.Uint64(e)), Epoch: int16(order.Uint16(e[8:])), LastSequence: int32(order.Uint32(e[10:])), LastOffset: int64(order.Uint64(e[14:])),
			Timestamp: int64(order.Uint64(e[26:])), CoordinatorEpoch: int32(order.Uint32(e[34:])), TxnFirst: int64(order.Uint64(e[38:])),
		}
		if p.LastSequence < 0 {
			p.LastSequence, p.LastOffset = -1, -1
		}
		all[p.ID] = p
	}
	return all, nil
}

// ReadCheckpoint reads an offset checkpoint and returns the offset of one partition,
// 0 where it has none.
func ReadCheckpoint(text, topic string, partition int) (offset int64, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 2 || lines[0] != "0" {
		return 0, errors.New("version")
	}
	if n, err := strconv.Atoi(lines[1]); err != nil || n != len(lines)-2 {
		return 0, errors.New("count")
	}
	for _, line := range lines[2:] {
		f := strings.Fields(line)
		if len(f) != 3 {
			return 0, errors.New("fields")
		}
		p, err1 := strconv.ParseInt(f[1], 10, 32)
		o, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil || p < 0 || o < 0 {
			return 0, errors.New("number")
		}
		if f[0] == topic && p == int64(partition) {
			offset = o
		}
	}
	return offset, nil
}

package record

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// ControlType says what a record of a control batch means.
type ControlType int16

// The types Kafka 4.3 writes. Others may come: readers skip what they do not
// know.
const (
	ControlAbort          ControlType = 0
	ControlCommit         ControlType = 1
	ControlLeaderChange   ControlType = 2
	ControlSnapshotHeader ControlType = 3
	ControlSnapshotFooter ControlType = 4
	ControlKRaftVersion   ControlType = 5
	ControlKRaftVoters    ControlType = 6
)

func (t ControlType) String() string {
	names := [...]string{"abort", "commit", "leader change", "snapshot header", "snapshot footer", "KRaft version", "KRaft voters"}
	if t >= 0 && int(t) < len(names) {
		return names[t]
	}
	return "control type " + strconv.Itoa(int(t))
}

// ControlType decodes the key of a record of a control batch.
func (r *Record) ControlType() (ControlType, error) {
	if len(r.Key) < 4 || int16(binary.BigEndian.Uint16(r.Key)) < 0 {
		return 0, fmt.Errorf("%w: control key of %d bytes", ErrRecords, len(r.Key))
	}
	return ControlType(binary.BigEndian.Uint16(r.Key[2:])), nil
}

// ControlKey is the key of a record of a control batch.
func ControlKey(t ControlType) []byte {
	return binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(t)) // behind the version
}

// EndOfTransaction is the value of a record of type [ControlAbort] or
// [ControlCommit].
func EndOfTransaction(coordinatorEpoch int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(coordinatorEpoch))
}

// CoordinatorEpoch decodes the value of a transaction's end, which a record of
// type [ControlAbort] or [ControlCommit] is.
func (r *Record) CoordinatorEpoch() (int32, error) {
	if len(r.Value) < 6 || int16(binary.BigEndian.Uint16(r.Value)) < 0 {
		return 0, fmt.Errorf("%w: end of transaction of %d bytes", ErrRecords, len(r.Value))
	}
	return int32(binary.BigEndian.Uint32(r.Value[2:])), nil
}

package kraft

import (
	"errors"
	"fmt"
	"os"
	"path"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Features are the levels that Kafka 4.3.1 formats a directory with.
func Features() map[string]int16 {
	return map[string]int16{
		metadataVersion:                    30, // 4.3-IV0
		"eligible.leader.replicas.version": 1,
		"group.version":                    1,
		"share.version":                    1,
		"streams.version":                  1,
		"transaction.version":              2,
	}
}

// Voter is the one controller of a new cluster, and where it is reached.
type Voter struct {
	NodeID      int32
	DirectoryID UUID
	Listener    string
	Host        string
	Port        uint16
}

// batchRecordsMax is how many records go into one batch of a snapshot.
const batchRecordsMax = 1000

// Write makes dir what a new cluster begins with, of which a node is the only
// voter: bootstrap.checkpoint with the records that describe the image, and a
// snapshot of the metadata log that names the voter. Both are durable when it
// returns, but for the entry of dir itself.
func Write(fsys vfs.FS, dir string, img *Image, voter Voter, nowMs int64) error {
	metadata := path.Join(dir, MetadataDir)
	if err := fsys.Mkdir(metadata, 0o755); err != nil {
		return err
	}
	err := writeSnapshot(fsys, path.Join(metadata, snapshotFileName(0, 0)), nowMs, [][]byte{kraftVersion(1), voters(voter)}, nil)
	if err == nil {
		err = fsys.SyncDir(metadata)
	}
	if err == nil {
		err = writeSnapshot(fsys, path.Join(dir, bootstrapFile), nowMs, nil, img)
	}
	return errors.Join(err, fsys.SyncDir(dir))
}

func snapshotFileName(end int64, epoch int32) string {
	return fmt.Sprintf("%020d-%010d.checkpoint", end, epoch)
}

// writeSnapshot writes a snapshot's header with the quorum's records, those of
// the image, if there is one, and the footer.
func writeSnapshot(fsys vfs.FS, name string, nowMs int64, quorum [][]byte, img *Image) error {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	s := &snapshotWriter{file: f, nowMs: nowMs, builder: record.NewBuilder(record.BuilderOptions{})}
	err = s.write(quorum, img)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

type snapshotWriter struct {
	file    vfs.File
	at      int64 // position
	offset  int64 // of the next record: a snapshot counts its own
	nowMs   int64
	builder *record.Builder
}

// controlTypes of the quorum's records, in the order in which they are written.
var controlTypes = []record.ControlType{record.ControlKRaftVersion, record.ControlKRaftVoters}

func (s *snapshotWriter) write(quorum [][]byte, img *Image) error {
	s.begin(true)
	header := append(appendInt64(appendInt16(nil, 0), s.nowMs), noTags)
	s.builder.Append(s.nowMs, record.ControlKey(record.ControlSnapshotHeader), header)
	for n, value := range quorum {
		s.builder.Append(s.nowMs, record.ControlKey(controlTypes[n]), value)
	}
	if err := s.end(); err != nil {
		return err
	}
	if img != nil {
		if err := s.image(img); err != nil {
			return err
		}
	}
	s.begin(true)
	s.builder.Append(s.nowMs, record.ControlKey(record.ControlSnapshotFooter), append(appendInt16(nil, 0), noTags))
	return s.end()
}

func (s *snapshotWriter) image(img *Image) error {
	s.begin(false)
	err := img.forRecords(func(value []byte) error {
		if s.builder.Count() == batchRecordsMax {
			if err := s.end(); err != nil {
				return err
			}
			s.begin(false)
		}
		s.builder.Append(s.nowMs, nil, value)
		return nil
	})
	if err != nil {
		return err
	}
	return s.end()
}

func (s *snapshotWriter) begin(control bool) {
	s.builder.Reset(record.BuilderOptions{BaseOffset: s.offset, Control: control})
}

func (s *snapshotWriter) end() error {
	b, err := s.builder.Finish()
	if err != nil {
		return err
	}
	if _, err := s.file.WriteAt(b, s.at); err != nil {
		return err
	}
	s.at += int64(len(b))
	s.offset = b.LastOffset() + 1
	return nil
}

// kraftVersion 1 lets voters come and go, and so names them in the log instead
// of in each node's configuration.
func kraftVersion(v int16) []byte { return append(appendInt16(appendInt16(nil, 0), v), noTags) }

func voters(v Voter) []byte {
	b := appendUvarint(appendInt16(nil, 0), 2) // one voter
	b = append(appendInt32(b, v.NodeID), v.DirectoryID[:]...)
	b = appendUvarint(b, 2) // one endpoint
	b = appendString(appendString(b, v.Listener), v.Host)
	b = append(appendInt16(b, int16(v.Port)), noTags)
	b = append(appendInt16(appendInt16(b, 0), 1), noTags) // supports kraft.version 0 to 1
	return append(b, noTags, noTags)                      // of the voter, of the record
}

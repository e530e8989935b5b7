package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"moldau/logstore/vfs"
)

// An extract is a file of records that were taken out of a journal, to outlive
// it.
//
//	 0  magic     "MOLDAUX\x01"
//	 8  bytes     u64   of the file
//	16  checksum  u32   of what is before it
//	20  records, as in a commit of generation and sequence 0
const extractHeaderBytes = 20

var (
	extractMagic = []byte("MOLDAUX\x01")
	extractSalt  = salt(make([]byte, 16))
)

// Extract is the writer of one. It is not whole before Close has returned nil, so
// it is for the caller to give it its name then.
type Extract struct {
	file   vfs.File
	bytes  int64
	buffer []byte
}

// CreateExtract begins a file of that name, in place of what has it.
func CreateExtract(fsys vfs.FS, name string) (*Extract, error) {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	return &Extract{file: f, bytes: extractHeaderBytes}, nil
}

// Add adds a record. It keeps neither payload nor memory for more than one.
func (e *Extract) Add(h Header, payload []byte) error {
	n := recordBytes(h.Log, len(payload))
	if len(e.buffer) < n {
		e.buffer = make([]byte, n)
	}
	copy(putRecord(e.buffer, h, len(payload)), payload)
	sealRecord(e.buffer[:n], extractSalt)
	wrote, err := e.file.WriteAt(e.buffer[:n], e.bytes)
	e.bytes += int64(wrote)
	return err
}

// Close makes the file whole, and durable but for its name.
func (e *Extract) Close() error {
	header := append(bytes.Clone(extractMagic), make([]byte, extractHeaderBytes-len(extractMagic))...)
	big.PutUint64(header[8:], uint64(e.bytes))
	big.PutUint32(header[16:], crc32.Checksum(header[:16], castagnoli))
	_, err := e.file.WriteAt(header, 0)
	if err == nil {
		err = e.file.Sync()
	}
	return errors.Join(err, e.file.Close())
}

// ReadExtract calls f for each record, in order; the payload is f's until it
// returns. ErrCorrupt tells that the file is not what was written: what f was
// given until then is.
func ReadExtract(fsys vfs.FS, name string, f func(h Header, payload []byte) error) error {
	return readExtract(fsys, name, func(good goodRecord) error { return f(good.header, good.payload) })
}

func readExtract(fsys vfs.FS, name string, f func(goodRecord) error) error {
	var r reader
	defer r.close()
	if err := r.open(fsys, name); err != nil {
		return err
	}
	b, err := r.view(0, extractHeaderBytes)
	if err != nil {
		return err
	}
	if len(b) < extractHeaderBytes || !bytes.Equal(b[:8], extractMagic) || big.Uint32(b[16:]) != crc32.Checksum(b[:16], castagnoli) || big.Uint64(b[8:]) != uint64(r.size) {
		return fmt.Errorf("%s: %w at byte 0", name, ErrCorrupt)
	}
	for at := int64(extractHeaderBytes); at < r.size; {
		found, err := r.record(at)
		if err == nil && !found.whole {
			err = fmt.Errorf("%s: %w at byte %d", name, ErrCorrupt, at)
		}
		if err == nil {
			err = f(goodRecord{finding: finding{found, at, extractSalt}, file: name, offset: at})
		}
		if err != nil {
			return err
		}
		at += int64(found.size)
	}
	return nil
}

// record reads the record of an extract at off.
func (r *reader) record(off int64) (found rawRecord, err error) {
	b, err := r.view(off, recordBytesMin+nameBytesMax)
	if err != nil {
		return found, err
	}
	if found = decodeRecord(b, extractSalt); !found.known || found.whole {
		return found, nil
	}
	if b, err = r.view(off, int64(found.size)); err != nil {
		return found, err
	}
	return decodeRecord(b, extractSalt), nil
}

package zerocopy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"moldau/zerocopy"
)

// osFile is a file that sendfile can read.
type osFile struct{ *os.File }

func (f osFile) OSFile() *os.File { return f.File }

// readerOnly hides the file of the operating system, so that it is copied.
type readerOnly struct{ zerocopy.File }

func (readerOnly) OSFile() *os.File { return nil }

// pattern is n bytes that do not repeat within any packet, page or buffer, so
// that a byte from the wrong place differs.
func pattern(n int) []byte { return noise()[:n] }

var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 20<<20)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x >> 24)
	}
	return b
})

func tempFile(tb testing.TB, content []byte) *os.File {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "00000000000000000000.log")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

// noSendfile pretends that the file lies on a file system without sendfile: a
// directory is what the kernel refuses in the same way.
type noSendfile struct {
	zerocopy.File
	dir *os.File
}

func (f noSendfile) OSFile() *os.File { return f.dir }

func withoutSendfile(f zerocopy.File) zerocopy.File {
	dir, err := os.Open(os.TempDir())
	if err != nil {
		panic(err)
	}
	return noSendfile{f, dir}
}

// certificate is made for one test and trusted by nobody.
func certificate(tb testing.TB) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

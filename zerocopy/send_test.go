package zerocopy_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"moldau/zerocopy"
)

// hasSendfile tells whether sections may leave without being copied here.
const hasSendfile = runtime.GOOS == "linux"

// step is one part of a message in a table: so many bytes, then a section.
type step struct{ bytes, section int }

var messages = []struct {
	name  string
	steps []step
}{
	{"nothing", nil},
	{"empty part", []step{{0, 0}}},
	{"bytes only", []step{{77, 0}}},
	{"bytes beyond a buffer", []step{{100_001, 0}}},
	{"small, then bytes beyond a buffer", []step{{5, 0}, {40_000, 0}}},
	{"section only", []step{{0, 500_000}}},
	{"one byte of section", []step{{9, 1}}},
	{"just below sendfile", []step{{30, zerocopy.SendfileMin - 1}}},
	{"just sendfile", []step{{30, zerocopy.SendfileMin}}},
	{"small answer", []step{{60, 100}, {60, 4000}, {60, 1}, {4, 0}}},
	{"many small sections", manySteps(200, step{33, 3001})},
	{"large answer", []step{{60, 300_000}, {60, 100_000}, {60, 1 << 20}, {4, 0}}},
	{"mixed", []step{{60, 70_000}, {12, 50}, {40_000, 0}, {1, 33_000}, {0, 33_000}, {3, 31_000}, {3, 31_000}, {0, 9}}},
	{"beyond one sendfile call", []step{{60, 5<<20 + 3}, {1, 0}}},
}

func manySteps(n int, s step) []step {
	all := make([]step, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// message lays steps over one file, with a gap of 7 bytes before each section,
// and returns what must arrive. wrap, if set, changes the file of each section.
func message(tb testing.TB, steps []step, wrap func(zerocopy.File) zerocopy.File) (parts []zerocopy.Part, want []byte) {
	tb.Helper()
	var fileBytes, headBytes int
	for _, s := range steps {
		fileBytes += 7 + s.section
		headBytes += s.bytes
	}
	content := pattern(fileBytes + 4096)
	head := bytes.Repeat([]byte("header"), headBytes/6+1)
	var f zerocopy.File = osFile{tempFile(tb, content)}
	if wrap != nil {
		f = wrap(f)
	}
	off := 0
	for _, s := range steps {
		p := zerocopy.Part{Bytes: head[:s.bytes]}
		head = head[s.bytes:]
		want = append(want, p.Bytes...)
		if s.section > 0 {
			off += 7
			p.Section = zerocopy.Section{File: f, Offset: int64(off), Length: s.section}
			want = append(want, content[off:off+s.section]...)
			off += s.section
		}
		parts = append(parts, p)
	}
	return parts, want
}

// result is what a whole send of steps must report, but for Calls.
func result(steps []step, sendfile bool) (r zerocopy.Result) {
	for _, s := range steps {
		r.Bytes += int64(s.bytes)
		if sendfile && s.section >= zerocopy.SendfileMin {
			r.Sendfile += int64(s.section)
		} else {
			r.Copied += int64(s.section)
		}
	}
	return r
}

func copyOnly(f zerocopy.File) zerocopy.File { return readerOnly{f} }

// wrappedConn must see every byte, so it must not be reached around.
type wrappedConn struct {
	*net.TCPConn
	seen int
}

func (c *wrappedConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	c.seen += n
	return n, err
}

var paths = []struct {
	name     string
	pair     func(testing.TB) (local, peer net.Conn)
	wrap     func(zerocopy.File) zerocopy.File
	sendfile bool
}{
	{"tcp", tcpPair, nil, hasSendfile},
	{"tcp with small buffers", smallTCPPair, nil, hasSendfile},
	{"unix", unixPair, nil, hasSendfile},
	{"tcp from a file that is no OS file", tcpPair, copyOnly, false},
	{"tcp from a file without sendfile", tcpPair, withoutSendfile, false},
	{"tcp wrapped", wrappedPair, nil, false},
	{"tls", tlsPair, nil, false},
	{"pipe", func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }, nil, false},
}

func TestSendBringsEveryByteOnEveryPath(t *testing.T) {
	for _, path := range paths {
		t.Run(path.name, func(t *testing.T) {
			local, peer := path.pair(t)
			defer local.Close()
			s := zerocopy.NewSender(local)
			for _, m := range messages {
				t.Run(m.name, func(t *testing.T) {
					parts, want := message(t, m.steps, path.wrap)
					got := receive(t, peer, len(want))
					r, err := s.Send(parts)
					if err != nil {
						local.Close() // so that nobody waits for the rest
						t.Fatal(err)
					}
					if !bytes.Equal(<-got, want) {
						t.Fatal("other bytes arrived than were sent")
					}
					expected := result(m.steps, path.sendfile)
					if expected.Calls = r.Calls; r != expected {
						t.Errorf("result %+v, want %+v", r, expected)
					}
					if (r.Calls == 0) != (len(want) == 0) {
						t.Errorf("%d calls for %d bytes", r.Calls, len(want))
					}
				})
			}
			if w, ok := local.(*wrappedConn); ok && w.seen == 0 {
				t.Error("the wrapper's Write was reached around")
			}
		})
	}
}

// receive reads n bytes of a message with a buffer of odd size, so that writes
// find the socket full again and again.
func receive(t *testing.T, peer io.Reader, n int) <-chan []byte {
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, 0, n)
		for len(b) < n {
			m, err := peer.Read(b[len(b):min(n, len(b)+4093)])
			b = b[:len(b)+m]
			if err != nil {
				t.Errorf("after %d of %d bytes: %v", len(b), n, err)
				break
			}
		}
		got <- b
	}()
	return got
}

func TestCallsAreFew(t *testing.T) {
	const buffer, large = 32 << 10, 128 << 10
	for _, tc := range []struct {
		name     string
		steps    []step
		copied   int // calls where all is copied
		sendfile int // calls to an idle socket
	}{
		{"header and small section leave together", []step{{60, 4000}}, 1, 1},
		{"six small partitions leave together", manySteps(6, step{60, 4000}), 1, 1},
		{"a full buffer", []step{{8, buffer - 8}}, 1, 1},
		{"a buffer and a byte", []step{{8, buffer - 7}, {0, 0}}, 2, 1},
		{"six partitions of half a buffer leave together", manySteps(6, step{60, buffer / 2}), 4, 1},
		{"header, sendfile", []step{{8, buffer}}, 2, 2},
		{"header, sendfile, trailer and small section", []step{{8, buffer}, {8, 100}, {1, 0}}, 2, 3},
		{"large bytes are not copied", []step{{10, 0}, {large, 0}, {10, 0}}, 3, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parts, want := message(t, tc.steps, nil)
			var out bytes.Buffer
			r, err := zerocopy.NewSender(&out).Send(parts)
			if err != nil || r.Calls != tc.copied || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("copying: %d calls, %v, want %d", r.Calls, err, tc.copied)
			}
			if !hasSendfile {
				return
			}
			local, peer := tcpPair(t)
			got := receive(t, peer, len(want))
			r, err = zerocopy.NewSender(local).Send(parts)
			if err != nil || r.Calls != tc.sendfile || !bytes.Equal(<-got, want) {
				t.Errorf("socket: %d calls, %v, want %d", r.Calls, err, tc.sendfile)
			}
		})
	}
}

// Every way of cutting a write short must leave the counts exact: the prefix
// that the writer took over, and of what it consisted.
func TestWriterFailsAfterEveryByte(t *testing.T) {
	steps := []step{{5, 11}, {0, 3}, {4, 0}, {2, 6}}
	parts, want := message(t, steps, nil)
	refused := errors.New("refused")
	for n := range want {
		w := &failingWriter{left: n, err: refused}
		r, err := zerocopy.NewSender(w).Send(parts)
		if !errors.Is(err, refused) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		var head int64
		for i, rest := 0, n; i < len(steps); i++ {
			head += int64(min(rest, steps[i].bytes))
			rest -= min(rest, steps[i].bytes+steps[i].section)
		}
		if r.Bytes != head || r.Copied != int64(n)-head || r.Sent() != int64(n) {
			t.Errorf("after %d bytes: %+v, want %d header bytes", n, r, head)
		}
	}
}

type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	if n < len(b) {
		return n, w.err
	}
	return n, nil
}

func TestShortWriteWithoutErrorIsOne(t *testing.T) {
	r, err := zerocopy.NewSender(&failingWriter{left: 3}).Send([]zerocopy.Part{{Bytes: []byte("header")}})
	if !errors.Is(err, io.ErrShortWrite) || r.Sent() != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFileShorterThanItsSection(t *testing.T) {
	for _, tc := range []struct {
		name      string
		wrap      func(zerocopy.File) zerocopy.File
		past      int // bytes of the section that are not there
		length    int
		sent      zerocopy.Result
		onlyLinux bool
	}{
		{"sendfile", nil, 1, 100_000, zerocopy.Result{Bytes: 60, Sendfile: 99_999}, true},
		{"sendfile, all of it missing", nil, 100_000, 100_000, zerocopy.Result{Bytes: 60}, true},
		{"small", nil, 1, 1000, zerocopy.Result{}, false},
		{"copied", copyOnly, 1, 1000, zerocopy.Result{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.onlyLinux && !hasSendfile {
				t.Skip("no sendfile here")
			}
			content := pattern(150_000)
			var f zerocopy.File = osFile{tempFile(t, content)}
			if tc.wrap != nil {
				f = tc.wrap(f)
			}
			local, peer := tcpPair(t)
			off := len(content) - tc.length + tc.past
			all := make(chan []byte, 1)
			go func() {
				b, _ := io.ReadAll(peer)
				all <- b
			}()
			r, err := zerocopy.NewSender(local).Send([]zerocopy.Part{
				{Bytes: make([]byte, 60), Section: zerocopy.Section{File: f, Offset: int64(off), Length: tc.length}},
				{Bytes: []byte("trailer")},
			})
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%v, want an unexpected end of file", err)
			}
			if tc.sent.Calls = r.Calls; r != tc.sent {
				t.Errorf("%+v, want %+v", r, tc.sent)
			}
			local.Close()
			if got := <-all; int64(len(got)) != r.Sent() || (len(got) > 60 && !bytes.Equal(got[60:], content[off:])) {
				t.Errorf("%d bytes arrived, %d are said to have left", len(got), r.Sent())
			}
		})
	}
}

func TestReadErrorsAreKept(t *testing.T) {
	broken := errors.New("medium error")
	f := readerAt{iotest.ErrReader(broken)}
	r, err := zerocopy.NewSender(io.Discard).Send([]zerocopy.Part{{Bytes: []byte("h"), Section: zerocopy.Section{File: f, Length: 9}}})
	if !errors.Is(err, broken) || r.Sent() != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if !strings.Contains(err.Error(), "0 of 10 bytes had left") {
		t.Errorf("the error does not say how many bytes had left: %v", err)
	}
}

type readerAt struct{ io.Reader }

func (r readerAt) ReadAt(b []byte, _ int64) (int, error) { return r.Read(b) }
func (readerAt) OSFile() *os.File                        { return nil }

func TestInvalidSections(t *testing.T) {
	f := osFile{tempFile(t, pattern(10))}
	for name, sec := range map[string]zerocopy.Section{
		"negative offset": {File: f, Offset: -1, Length: 5},
		"negative length": {File: f, Length: -5},
		"no file":         {Length: 5},
	} {
		var out bytes.Buffer
		r, err := zerocopy.NewSender(&out).Send([]zerocopy.Part{{Bytes: []byte("header")}, {Section: sec}})
		if !errors.Is(err, zerocopy.ErrInvalidSection) || r.Sent() != 0 || out.Len() != 0 {
			t.Errorf("%s: %+v, %v, %d bytes written", name, r, err, out.Len())
		}
	}
}

// Many connections send from one open file at once: no send may use or move
// the file's own position.
func TestOneFileManyConnections(t *testing.T) {
	const sectionBytes = 100_000
	content := pattern(8*sectionBytes + 1)
	f := tempFile(t, content)
	if _, err := f.Seek(12345, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		local, peer := tcpPair(t)
		want := content[i*sectionBytes+1:][:sectionBytes]
		wg.Go(func() {
			got := receive(t, peer, 3*sectionBytes)
			s := zerocopy.NewSender(local)
			for range 3 {
				part := zerocopy.Part{Section: zerocopy.Section{File: osFile{f}, Offset: int64(i*sectionBytes + 1), Length: sectionBytes}}
				if _, err := s.Send([]zerocopy.Part{part}); err != nil {
					local.Close()
					t.Error(err)
				}
			}
			if !bytes.Equal(<-got, bytes.Repeat(want, 3)) {
				t.Errorf("connection %d got other bytes", i)
			}
		})
	}
	wg.Wait()
	if pos, err := f.Seek(0, io.SeekCurrent); err != nil || pos != 12345 {
		t.Errorf("the file's position is %d, %v", pos, err)
	}
}

func tcpPair(tb testing.TB) (local, peer net.Conn) { return socketPair(tb, "tcp", "127.0.0.1:0") }

func unixPair(tb testing.TB) (local, peer net.Conn) {
	return socketPair(tb, "unix", tb.TempDir()+"/s")
}

func socketPair(tb testing.TB, network, addr string) (local, peer net.Conn) {
	tb.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial(network, l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if local, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		local.Close()
		peer.Close()
	})
	return local, peer
}

// smallTCPPair has a send buffer that cuts writes. With one, or a peer's buffer,
// below the size of a loopback packet, progress would hang on TCP's timers.
func smallTCPPair(tb testing.TB) (local, peer net.Conn) {
	local, peer = tcpPair(tb)
	local.(*net.TCPConn).SetWriteBuffer(64 << 10)
	return local, peer
}

func wrappedPair(tb testing.TB) (local, peer net.Conn) {
	local, peer = tcpPair(tb)
	return &wrappedConn{TCPConn: local.(*net.TCPConn)}, peer
}

func tlsPair(tb testing.TB) (local, peer net.Conn) {
	local, peer = tcpPair(tb)
	cert := certificate(tb)
	return tls.Server(local, &tls.Config{Certificates: []tls.Certificate{cert}}),
		tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
}

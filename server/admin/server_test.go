package admin_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

func TestWhatIsAnsweredAndWhatIsNot(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Admin: "127.0.0.1:0"})
	for _, r := range []struct {
		method, path string
		code         int
		contentType  string
	}{
		{"GET", "/live", 200, "text/plain; charset=utf-8"}, {"HEAD", "/live", 200, ""}, {"POST", "/live", 405, ""},
		{"GET", "/ready", 200, "application/json"}, {"HEAD", "/ready", 200, ""}, {"DELETE", "/ready", 405, ""},
		{"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"}, {"HEAD", "/metrics", 200, ""}, {"POST", "/metrics", 405, ""},
		{"GET", "/metrics?exclude=topics&exclude=groups", 200, ""}, {"GET", "/metrics?exclude=everything", 400, ""},
		{"GET", "/dashboard.json", 200, "application/json"},
		{"GET", "/debug/pprof/", 200, ""}, {"GET", "/debug/pprof/heap", 200, ""}, {"GET", "/debug/pprof/goroutine?debug=2", 200, ""},
		{"GET", "/debug/pprof/cmdline", 404, ""}, {"GET", "/debug/pprof/nothing", 404, ""}, {"POST", "/debug/pprof/symbol", 405, ""},
		{"GET", "/", 404, ""}, {"GET", "/live/", 404, ""}, {"GET", "/../etc/passwd", 404, ""},
	} {
		resp, body := ask(t, r.method, b.Server().AdminAddr().String(), r.path, "")
		if resp.StatusCode != r.code {
			t.Errorf("%s %s: %d, want %d", r.method, r.path, resp.StatusCode, r.code)
		}
		if got := resp.Header.Get("Content-Type"); r.contentType != "" && got != r.contentType {
			t.Errorf("%s %s is of type %q, want %q", r.method, r.path, got, r.contentType)
		}
		if r.method == "HEAD" && len(body) > 0 {
			t.Errorf("HEAD %s has a body of %d bytes", r.path, len(body))
		}
	}
}

func TestLargeRequestsAreRefused(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Admin: "127.0.0.1:0"})
	addr := b.Server().AdminAddr().String()
	for name, code := range map[string]int{
		"/live?" + strings.Repeat("x", 10<<10): 200,
		"/live?" + strings.Repeat("x", 64<<10): 431,
	} {
		if resp, _ := get(t, addr, name, ""); resp.StatusCode != code {
			t.Errorf("a request line of %d bytes: %d, want %d", len(name), resp.StatusCode, code)
		}
	}
	// Nothing waits for a body: who announces one is answered, and let go of.
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /live HTTP/1.1\r\nHost: moldau\r\nContent-Length: 1000000\r\n\r\n")
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 || !resp.Close {
		t.Errorf("a request with a body: %d, connection closed is %t", resp.StatusCode, resp.Close)
	}
}

// Without a host the listener is not for the world.
func TestWithoutAHostItListensOnLoopback(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Admin: ":0"})
	if addr := b.Server().AdminAddr().String(); !strings.HasPrefix(addr, "127.0.0.1:") {
		t.Errorf("operators are answered at %s", addr)
	}
}

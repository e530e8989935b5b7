package yardstick_test

import (
	"net"
	"testing"

	"moldau/bench/yardstick"
)

func TestListening(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if open, err := yardstick.Listening(port); err != nil || !open {
			t.Errorf("%s: %v, %v", addr, open, err)
		}
		l.Close()
		if open, err := yardstick.Listening(port); err != nil || open {
			t.Errorf("%s, closed: %v, %v", addr, open, err)
		}
		conn.Close()
	}
}

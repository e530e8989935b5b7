package broker

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// apiVersionsRequest is ApiVersions version 0, correlation id 1, null client id.
var apiVersionsRequest = []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff}

// answers tells whether something that speaks Kafka's protocol listens.
func answers(addr string, trusting *tls.Config) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	if trusting != nil {
		conn = tls.Client(conn, trusting)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write(apiVersionsRequest); err != nil {
		return false
	}
	var head [10]byte // size, correlation id, error code
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return false
	}
	return binary.BigEndian.Uint32(head[4:]) == 1 && binary.BigEndian.Uint16(head[8:]) == 0
}

// FreePort finds a port that is free together with the next one, which Kafka's
// controller takes. It lies below the range of outgoing connections: there one
// of them may sit on it when the broker is started again.
func FreePort() (int, error) {
	const first, last = 24000, 24999
	for range 100 {
		port := first + rand.IntN(last-first)
		if Free("127.0.0.1", port) && Free("127.0.0.1", port+1) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free pair of ports from %d to %d", first, last)
}

// Free tells whether nobody listens at a port.
func Free(host string, port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

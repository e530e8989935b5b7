package wire_test

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// The header of every request is read as kmsg writes it, and the response gets
// the header that its client expects.
func TestHeadersOfEveryRequest(t *testing.T) {
	for _, clientID := range []string{"", "rdkafka", "\xff\x00 of no encoding"} {
		format := kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))
		if clientID == "" {
			format = kmsg.NewRequestFormatter() // null
		}
		everyRequest(t, func(t *testing.T, key, version int16) {
			if key == 7 && version == 0 {
				return // ControlledShutdown 0 has a header of its own, and no users
			}
			m := filled(key, version, 1)
			r, err := wire.ParseHeader(format.AppendRequest(nil, m, 77)[4:])
			if err != nil {
				t.Fatal(err)
			}
			if r.Key != key || r.Version != version || r.CorrelationID != 77 || r.ClientID != clientID {
				t.Errorf("read %+v", r)
			}
			if string(r.Body) != string(m.AppendTo(nil)) {
				t.Errorf("body %x", r.Body)
			}
		})
	}
}

func TestResponseHeaders(t *testing.T) {
	for _, c := range []struct {
		key, version int16
		tags         bool
	}{
		{3, 8, false}, {3, 9, true}, // Metadata
		{0, 8, false}, {0, 9, true}, // Produce
		{18, 2, false}, {18, 3, false}, {18, 4, false}, // ApiVersions: never
	} {
		m := newRequest(c.key, c.version)
		resp := m.ResponseKind()
		s := start(t, wire.Options{Handler: answering(wire.Reply{Response: resp})})
		conn := s.dial(t)
		conn.send(t, m, 9)
		if got := conn.receive(t, 9, c.tags); string(got) != string(resp.AppendTo(nil)) {
			t.Errorf("key %d, version %d: %x", c.key, c.version, got)
		}
		s.stop(t)
	}
}

// A client that asks for ApiVersions in a version nobody knows must get its
// answer, however the header of that version goes on. So must one that asks for
// an unknown key get as far as the handler, which says what is unknown.
func TestHeadersOfTheFuture(t *testing.T) {
	for _, c := range []struct {
		name, frame, body string
		key, version      int16
	}{
		{"ApiVersions, no tags", "\x00\x12\x00\x63\x00\x00\x00\x01\x00\x01c", "", 18, 99},
		{"ApiVersions, other header", "\x00\x12\x00\x63\x00\x00\x00\x01\x00\x01c\xff\xff", "\xff\xff", 18, 99},
		{"ApiVersions, negative", "\x00\x12\xff\xff\x00\x00\x00\x01\x00\x01cx", "x", 18, -1},
		{"unknown key", "\x7f\xff\x00\x00\x00\x00\x00\x01\x00\x01cx", "x", 0x7fff, 0},
		{"negative key", "\xff\xff\x00\x00\x00\x00\x00\x01\x00\x01cx", "x", -1, 0},
	} {
		r, err := wire.ParseHeader([]byte(c.frame))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.Key != c.key || r.Version != c.version || string(r.Body) != c.body {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestClientIDIsKept(t *testing.T) {
	var ids []string
	h := handlerFunc(func(_ context.Context, r *wire.Request) (wire.Reply, error) {
		ids = append(ids, r.ClientID)
		return echo(r), nil
	})
	s := start(t, wire.Options{Handler: h})
	c := s.dial(t)
	for i, id := range []string{"a", "a", "b", "a"} {
		f := frame(int32(i), "")
		f[14] = id[0]
		c.write(t, f)
		c.expect(t, int32(i), "")
	}
	s.stop(t)
	for i, want := range []string{"a", "a", "b", "a"} {
		if ids[i] != want {
			t.Errorf("ids %q", ids)
		}
	}
}

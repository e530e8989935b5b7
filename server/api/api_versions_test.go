package api_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafka431 is what Apache Kafka 4.3.1 advertises of the keys served so far.
var kafka431 = map[int16][2]int16{
	0: {0, 13}, 1: {4, 18}, 2: {1, 11}, 3: {0, 13}, 18: {0, 4}, 19: {2, 7}, 20: {1, 6}, 21: {0, 2}, 22: {0, 5},
	8: {2, 10}, 9: {1, 10}, 10: {0, 6}, 11: {0, 9}, 12: {0, 4}, 13: {0, 5}, 14: {0, 5}, 15: {0, 6}, 16: {0, 5}, 42: {0, 2}, 47: {0, 0},
	23: {2, 4}, 32: {1, 4}, 33: {0, 2}, 35: {1, 5}, 37: {0, 3}, 44: {0, 1}, 60: {0, 2}, 75: {0, 0},
}

func apiVersions(version int16) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "servertest", "1.0"
	return req
}

func TestApiVersionsAreKafkas(t *testing.T) {
	c := start(t).Dial()
	for version := int16(0); version <= 4; version++ {
		resp := c.Request(apiVersions(version)).(*kmsg.ApiVersionsResponse)
		if resp.ErrorCode != 0 {
			t.Fatalf("version %d: error code %d", version, resp.ErrorCode)
		}
		if len(resp.ApiKeys) != len(kafka431) {
			t.Errorf("version %d: %d keys, want %d", version, len(resp.ApiKeys), len(kafka431))
		}
		for _, k := range resp.ApiKeys {
			if want := kafka431[k.ApiKey]; want != [2]int16{k.MinVersion, k.MaxVersion} {
				t.Errorf("version %d: key %d is %d to %d, want %v", version, k.ApiKey, k.MinVersion, k.MaxVersion, want)
			}
		}
		// A finalized feature makes clients use it; none of those there are is
		// built. Version 3 and below may list none whose minimum is 0.
		if len(resp.SupportedFeatures)+len(resp.FinalizedFeatures) > 0 || resp.FinalizedFeaturesEpoch != -1 {
			t.Errorf("version %d: features %v, %v", version, resp.SupportedFeatures, resp.FinalizedFeatures)
		}
	}
}

func TestApiVersionsOfTheFutureAnswersInVersion0(t *testing.T) {
	c := start(t).Dial()
	for _, version := range []int16{5, 9, 127} {
		id := c.SendBody(18, version, true, []byte("a body of some later time"))
		body := c.ReceiveBody(id)
		resp := kmsg.NewPtrApiVersionsResponse()
		if err := resp.ReadFrom(body); err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		if resp.ErrorCode != 35 || len(resp.ApiKeys) != 1 ||
			resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MinVersion != 0 || resp.ApiKeys[0].MaxVersion != 4 {
			t.Errorf("version %d: %+v", version, resp)
		}
		if want := len(resp.AppendTo(nil)); len(body) != want {
			t.Errorf("version %d: a body of %d bytes, want %d", version, len(body), want)
		}
	}
	// The connection goes on: the client now asks in a version there is.
	if resp := c.Request(apiVersions(4)).(*kmsg.ApiVersionsResponse); resp.ErrorCode != 0 {
		t.Errorf("error code %d", resp.ErrorCode)
	}
}

func TestApiVersionsChecksTheClientsName(t *testing.T) {
	c := start(t).Dial()
	for _, name := range []string{"", "-a", "a-", ".a", "a b", "a\x00", "ä"} {
		for _, which := range []string{"name", "version"} {
			req := apiVersions(3)
			if which == "name" {
				req.ClientSoftwareName = name
			} else {
				req.ClientSoftwareVersion = name
			}
			if resp := c.Request(req).(*kmsg.ApiVersionsResponse); resp.ErrorCode != 42 || len(resp.ApiKeys) != 0 {
				t.Errorf("%s %q: error code %d, %d keys", which, name, resp.ErrorCode, len(resp.ApiKeys))
			}
		}
	}
}

func TestUnknownKeysAndVersionsCloseTheConnection(t *testing.T) {
	b := start(t)
	for _, r := range []struct{ key, version int16 }{
		{-1, 0}, {4, 0}, {8, 1}, {24, 0}, {76, 0}, {1000, 0}, {32767, 0},
		{0, 2}, {0, 14}, {1, 3}, {1, 19}, {3, -1}, {3, 14}, {75, 1},
	} {
		t.Run(fmt.Sprintf("key %d version %d", r.key, r.version), func(t *testing.T) {
			c := b.Dial()
			c.SendBody(r.key, r.version, false, make([]byte, 32))
			c.Closed()
		})
	}
}

// librdkafka up to 2.11 takes a broker whose Produce does not begin at 0 for
// one without gzip, snappy and lz4. Kafka closes the connection on 0 to 2.
func TestProduce0To2AreAdvertisedAndRefused(t *testing.T) {
	b := start(t)
	for version := int16(0); version <= 2; version++ {
		c := b.Dial()
		c.Send(produceTo(version, 1, "t", 0, plain(t)))
		c.Closed()
	}
}

// Every advertised version of every key is answered, in its own format.
func TestEveryAdvertisedVersionIsServed(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	for key, versions := range kafka431 {
		for version := versions[0]; version <= versions[1]; version++ {
			if key == 0 && version < 3 {
				continue
			}
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			if av, ok := req.(*kmsg.ApiVersionsRequest); ok {
				av.ClientSoftwareName, av.ClientSoftwareVersion = "x", "1"
			}
			c := b.Dial()
			if p, ok := req.(*kmsg.ProduceRequest); ok {
				p.Acks = 1
			}
			c.Request(req) // fails the test on anything but one well-formed response
			c.Close()
		}
	}
}

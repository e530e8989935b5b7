package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// apiVersions answers which APIs there are. No feature is finalized, because
// none is built: a client that sees transaction.version would use it.
func (b *Broker) apiVersions(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = r.Version
	if r.Version >= 3 && !(validSoftware(req.ClientSoftwareName) && validSoftware(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return wire.Reply{Response: resp}, nil
	}
	resp.ApiKeys = b.advertised
	return wire.Reply{Response: resp}, nil
}

// unsupportedApiVersions answers an ApiVersions request of a version to come.
// It is in version 0, whatever was asked, and names the versions there are:
// the client asks again. Clients that got a closed connection instead never
// came back (franz-go #1025, kafka-python #2602).
func unsupportedApiVersions() *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	k := kmsg.NewApiVersionsResponseApiKey()
	k.ApiKey, k.MinVersion, k.MaxVersion = keyApiVersions, table[keyApiVersions].min, table[keyApiVersions].max
	resp.ApiKeys = append(resp.ApiKeys, k)
	return resp
}

// validSoftware is Kafka's rule for the name and version of a client: letters,
// digits, '-' and '.', the first and last a letter or digit.
func validSoftware(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case (c == '-' || c == '.') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}

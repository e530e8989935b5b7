package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// connectTimeout is how long a first broker may take to answer.
	connectTimeout = 10 * time.Second
	// retryTimeout bounds how long one request is tried again.
	retryTimeout = 15 * time.Second
	// metadataAgeMin lets a topic be used soon after it is created; the client's
	// own default spares clusters of thousands of clients, not one command.
	metadataAgeMin = 100 * time.Millisecond
)

// bootstrap are the flags of every command that talks to brokers.
type bootstrap struct {
	servers []string
	tls     clientTLS
}

func (b *bootstrap) register(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&b.servers, "bootstrap-server", "b", []string{"127.0.0.1:9092"},
		"`host:port` of a broker; several, comma-separated, are tried in turn")
	b.tls.register(flags)
}

// connect returns a client that a broker has answered.
func (b *bootstrap) connect(ctx context.Context, opts ...kgo.Opt) (*kgo.Client, error) {
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(b.servers...),
		kgo.ClientID("moldau"),
		kgo.DialTimeout(connectTimeout),
		kgo.RetryTimeout(retryTimeout),
		kgo.MetadataMinAge(metadataAgeMin),
	}, opts...)
	config, err := b.tls.config()
	if err != nil {
		return nil, &usageError{err}
	}
	if config != nil {
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, &usageError{err}
	}
	pingCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := client.Ping(pingCtx); err != nil {
		client.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("no broker answers at %s: %w\nIs one running? 'moldau serve' starts one on 127.0.0.1:9092.",
			strings.Join(b.servers, ", "), err)
	}
	return client, nil
}

func (b *bootstrap) connectAdmin(ctx context.Context) (*kadm.Client, error) {
	client, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(client), nil
}

// brokerError words an error that a broker answered: its name, and the message
// that came with it or else Kafka's description.
func brokerError(err error, message string) error {
	if err == nil {
		return nil
	}
	var k *kerr.Error
	if !errors.As(err, &k) {
		return err
	}
	if message == "" {
		message = k.Description
	}
	return fmt.Errorf("%s: %s", k.Message, message)
}

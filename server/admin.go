package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// admin is the HTTP listener for operators and their supervisors. It stands
// apart from the clients' one, so that neither can starve the other.
type admin struct {
	server http.Server
	done   chan error
}

func startAdmin(l net.Listener) *admin {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("live\n"))
	})
	a := &admin{done: make(chan error, 1)}
	a.server = http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	go func() { a.done <- a.server.Serve(l) }()
	return a
}

func (a *admin) shutdown(ctx context.Context) error {
	err := a.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, a.server.Close())
	}
	<-a.done
	return err
}

package admin

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"
)

const (
	// bodyBytesMax is what a request may carry. None of ours carries anything.
	bodyBytesMax = 1 << 10
	// writeTimeout ends an answer that is not read. A profile takes as much longer
	// as it was asked to run.
	writeTimeout = time.Minute
)

// Options makes a [Server]. Both are required.
type Options struct {
	Health *Health
	Logger *slog.Logger
}

// Server is the listener for operators.
type Server struct {
	http    http.Server
	done    chan error
	health  *Health
	metrics *metrics
	sources atomic.Pointer[Sources] // nil until Attach
}

// Start serves on l, which it closes in the end.
func Start(l net.Listener, o Options) *Server {
	s := &Server{done: make(chan error, 1), health: o.Health}
	s.metrics = newMetrics(o.Health, &s.sources)
	s.http = http.Server{
		Handler:           http.MaxBytesHandler(s.routes(), bodyBytesMax),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	go func() { s.done <- s.http.Serve(l) }()
	return s
}

//go:embed dashboard.json
var dashboard []byte

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "text/plain; charset=utf-8", []byte("live\n"))
	})
	mux.HandleFunc("GET /ready", s.health.serve)
	mux.Handle("GET /metrics", s.metrics)
	mux.HandleFunc("GET /dashboard.json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "application/json", dashboard)
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// answer sends a whole answer, of which nothing is to be kept by anybody.
func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may have left
}

// Attach hands over what metrics are made of. Until then there are only those
// of the process and of its start.
func (s *Server) Attach(sources Sources) { s.sources.Store(&sources) }

// Shutdown stops listening and lets answers under way leave until ctx is done.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.done
	return err
}

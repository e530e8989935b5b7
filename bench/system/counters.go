package system

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"moldau/server/compat/broker"
)

const operatorsProperty = "moldau.admin.listener="

// operators is the property that has a Moldau listen for its operators, at the port
// behind its own, which is as free.
func operators(l *broker.Launch) string {
	return fmt.Sprintf("%s127.0.0.1:%d", operatorsProperty, l.Port+1)
}

// metricsOf is where a broker so launched tells its counters, empty where it does not.
func metricsOf(l *broker.Launch) string {
	for _, p := range l.Properties {
		if at, ok := strings.CutPrefix(p, operatorsProperty); ok {
			return "http://" + at
		}
	}
	return ""
}

// Counter reads one of Moldau's metrics, by its name and labels; known is false for other
// systems.
func (s *System) Counter(ctx context.Context, name string) (value float64, known bool, err error) {
	if s.metrics == "" {
		return 0, false, nil
	}
	text, err := s.get(ctx, "/metrics?exclude=topics&exclude=groups")
	if err != nil {
		return 0, false, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return v, true, err
		}
	}
	return 0, false, fmt.Errorf("no %s in the broker's metrics", name)
}

func (s *System) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(b), err
}

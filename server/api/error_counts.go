package api

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"

	"moldau/server/wire"
)

// errorCodesMax is above every error code that is counted.
const errorCodesMax = 160

// errorCounts counts the error codes in responses, by API key. Success is not
// counted, so that a response without errors costs a comparison for each code.
type errorCounts [][errorCodesMax + 1]atomic.Int64

// add counts one code. That of an unknown error, -1, is the first.
func (c errorCounts) add(key, code int16) {
	if code != 0 && code >= -1 && code < errorCodesMax {
		c[key][code+1].Add(1)
	}
}

// Errors calls yield with each error code that was answered, by API key, and
// how often. A response has as many as it has topics, partitions or groups that
// failed.
func (b *Broker) Errors(yield func(key, code int16, count int64)) {
	for key := range b.errors {
		for i := range b.errors[key] {
			if n := b.errors[key][i].Load(); n > 0 {
				yield(int16(key), int16(i-1), n)
			}
		}
	}
}

// watch counts the errors of a reply, now or when it comes. Produce and Fetch,
// whose parked replies are made once for many requests, count those themselves.
func (c errorCounts) watch(key int16, reply *wire.Reply) {
	c.count(key, reply.Response)
	park := reply.Park
	if park == nil || key == keyProduce || key == keyFetch {
		return
	}
	reply.Park = func(ctx context.Context) (wire.Response, error) {
		resp, err := park(ctx)
		if err == nil {
			c.count(key, resp)
		}
		return resp, err
	}
}

// count counts the errors of a response that is about to be sent.
func (c errorCounts) count(key int16, resp wire.Response) {
	switch r := resp.(type) {
	case nil:
	case *produceResponse:
		for i := range r.topics {
			for j := range r.topics[i].partitions {
				c.add(key, r.topics[i].partitions[j].code)
			}
		}
	case *wire.FetchResponse:
		c.add(key, r.ErrorCode)
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				c.add(key, r.Topics[i].Partitions[j].ErrorCode)
			}
		}
	default:
		if v := reflect.ValueOf(resp); v.Kind() == reflect.Pointer && !v.IsNil() {
			pathsOf(v.Type().Elem()).walk(v.Elem(), func(code int16) { c.add(key, code) })
		}
	}
}

// codePaths is where a struct of the codec has error codes: every response calls
// them ErrorCode, at any depth.
type codePaths struct {
	own    int // field, -1 none
	nested []nestedPaths
}

type nestedPaths struct {
	field int // a struct, or a slice of them
	of    *codePaths
}

// pathsOf is looked up once for each type: a response is walked by field
// numbers, not by names.
func pathsOf(t reflect.Type) *codePaths {
	if known, ok := knownPaths.Load(t); ok {
		return known.(*codePaths)
	}
	c := findPaths(t)
	knownPaths.Store(t, c)
	return c
}

var knownPaths sync.Map // reflect.Type -> *codePaths

func findPaths(t reflect.Type) *codePaths {
	c := &codePaths{own: -1}
	if t.Kind() != reflect.Struct {
		return c
	}
	for i := range t.NumField() {
		f := t.Field(i)
		of := f.Type
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		switch {
		case !f.IsExported():
		case f.Name == "ErrorCode" && f.Type.Kind() == reflect.Int16:
			c.own = i
		case of.Kind() == reflect.Struct:
			if n := findPaths(of); n.own >= 0 || len(n.nested) > 0 {
				c.nested = append(c.nested, nestedPaths{i, n})
			}
		}
	}
	return c
}

func (c *codePaths) walk(v reflect.Value, yield func(int16)) {
	if c.own >= 0 {
		yield(int16(v.Field(c.own).Int()))
	}
	for _, n := range c.nested {
		f := v.Field(n.field)
		if f.Kind() != reflect.Slice {
			n.of.walk(f, yield)
			continue
		}
		for i := range f.Len() {
			n.of.walk(f.Index(i), yield)
		}
	}
}

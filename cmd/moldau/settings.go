package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"moldau/server"
)

// setting is a property's value and the place it was given at, for messages.
type setting struct{ value, origin string }

// settings are properties by name.
type settings map[string]setting

// overrideWith lays stronger settings over s. What says the same under another
// name goes with what it would contradict: log.retention.hours from the
// environment must win over log.retention.ms from the file, although ms wins
// over hours where they stand together.
func (s settings) overrideWith(stronger settings) {
	for name := range stronger {
		s.drop(name)
	}
	maps.Copy(s, stronger)
}

func (s settings) drop(name string) {
	for _, alias := range server.PropertyAliases(name) {
		delete(s, alias)
	}
}

func (s settings) values() map[string]string {
	values := make(map[string]string, len(s))
	for name, one := range s {
		values[name] = one.value
	}
	return values
}

// check tells everything that is wrong with values, each with its place.
func (s settings) check() error {
	var wrong []error
	for _, p := range server.Explain(s.values()) {
		if p.Status == server.PropertyInvalid {
			wrong = append(wrong, fmt.Errorf("%s: %s", s[p.Name].origin, p.Text))
		}
	}
	return errors.Join(wrong...)
}

func fileSettings(path string) (settings, error) {
	all, err := readProperties(path)
	if err != nil {
		return nil, err
	}
	s := settings{}
	for _, p := range all {
		s[p.name] = setting{p.value, fmt.Sprintf("%s:%d", path, p.line)}
	}
	return s, nil
}

// variablePrefix begins the environment's variables that are properties.
const variablePrefix = "MOLDAU_"

// variableOf is the environment variable that sets a property. The way back is
// by the table of properties only: no two of them have the same variable.
func variableOf(property string) string {
	name := strings.TrimPrefix(property, "moldau.")
	return variablePrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

// environmentSettings also returns the variables that are no property.
func environmentSettings(environ []string) (s settings, unknown []string) {
	byVariable := map[string]string{}
	for _, p := range server.KnownProperties() {
		byVariable[variableOf(p.Name)] = p.Name
	}
	s = settings{}
	for _, pair := range environ {
		variable, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(variable, variablePrefix) {
			continue
		}
		if name, ok := byVariable[variable]; ok {
			s[name] = setting{strings.TrimSpace(value), "environment variable " + variable}
		} else {
			unknown = append(unknown, variable)
		}
	}
	slices.Sort(unknown)
	return s, unknown
}

func flagSettings(pairs []string) (settings, error) {
	s := settings{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, usageErrorf("--set %q is not name=value", pair)
		}
		if _, twice := s[name]; twice {
			return nil, usageErrorf("--set %s is given twice", name)
		}
		s[name] = setting{strings.TrimSpace(value), "--set " + name}
	}
	return s, nil
}

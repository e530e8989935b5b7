package configs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrInvalid is wrapped by every complaint about a config's name or value. The
// text is Kafka's where Kafka has one, and fit for a response.
var ErrInvalid = errors.New("invalid config")

// invalid carries a message without a prefix, because clients show it as it is.
type invalid struct{ message string }

func (e *invalid) Error() string { return e.message }
func (e *invalid) Unwrap() error { return ErrInvalid }

func invalidf(format string, args ...any) error { return &invalid{fmt.Sprintf(format, args...)} }

// Type is a config's type. Its numbers are those of DescribeConfigs.
type Type int8

const (
	Boolean Type = 1 + iota
	String
	Int
	Short
	Long
	Double
	List
	Class
	Password
)

// Effect is what Moldau does with a config.
type Effect uint8

const (
	// Applied: the broker acts on it.
	Applied Effect = iota
	// Kept: accepted, checked and shown, with no effect so far. Nothing is lost
	// by that: the behaviour it waits for is missing altogether.
	Kept
	// Fixed: the default is the truth and other values are refused.
	Fixed
)

// Key is one config.
type Key struct {
	Name    string
	Type    Type
	Default string // in canonical form
	Null    bool   // there is no default, and Default is ""
	Effect  Effect
	// ReadOnly: taken at the broker's start only. Topic configs never are.
	ReadOnly bool
	// hidden keys can be set but are not shown unless asked for by name.
	hidden bool
	check  check
	doc    string
}

// Doc says in one line what the config does, and what Moldau does not do.
func (k *Key) Doc() string {
	switch k.Effect {
	case Kept:
		return k.doc + " Kept and shown, without effect so far."
	case Fixed:
		return k.doc + " Only the default is accepted."
	}
	return k.doc
}

// Sensitive configs are never shown.
func (k *Key) Sensitive() bool { return k.Type == Password }

// Value is a parsed value.
type Value struct {
	Text   string // canonical form, as it is shown
	Int    int64  // of Int, Short, Long; 0 or 1 of Boolean
	Double float64
}

// Bool is a Boolean's value.
func (v Value) Bool() bool { return v.Int != 0 }

// Items are a List's elements.
func (v Value) Items() []string {
	if v.Text == "" {
		return nil
	}
	return strings.Split(v.Text, ",")
}

// valueBytesMax is the longest string of the metadata log, and of the protocol's
// older versions.
const valueBytesMax = math.MaxInt16

// Parse reads a value as a user wrote it.
func (k *Key) Parse(raw string) (Value, error) {
	if len(raw) > valueBytesMax {
		return Value{}, invalidf("Invalid value for configuration %s: it has %d bytes, of at most %d", k.Name, len(raw), valueBytesMax)
	}
	s := strings.TrimSpace(raw)
	v, complaint := k.Type.parse(s)
	if complaint == "" && k.check != nil {
		complaint = k.check(v)
	}
	if k.Type == List && k.Effect == Fixed && sameItems(v.Text, k.Default) {
		v.Text = k.Default
	}
	if complaint == "" && k.Effect == Fixed && v.Text != k.Default {
		complaint = fmt.Sprintf("Moldau supports %q only", k.Default)
	}
	if complaint != "" {
		return Value{}, invalidf("Invalid value %s for configuration %s: %s", s, k.Name, complaint)
	}
	return v, nil
}

// sameItems compares lists of which the order says nothing.
func sameItems(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.SplitSeq(a, ",")), slices.Sorted(strings.SplitSeq(b, ",")))
}

func (t Type) parse(s string) (Value, string) {
	switch t {
	case Boolean:
		switch strings.ToLower(s) {
		case "true":
			return Value{Text: "true", Int: 1}, ""
		case "false":
			return Value{Text: "false"}, ""
		}
		return Value{}, "Expected value to be either true or false"
	case Short:
		return parseInt(s, 16, "SHORT")
	case Int:
		return parseInt(s, 32, "INT")
	case Long:
		return parseInt(s, 64, "LONG")
	case Double:
		// Java reads NaN as a number, which no bound then excludes; we do not.
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return Value{}, "Not a number of type DOUBLE"
		}
		return Value{Text: doubleText(f), Double: f}, ""
	case List:
		return parseList(s)
	}
	return Value{Text: s}, ""
}

func parseInt(s string, bits int, name string) (Value, string) {
	n, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		return Value{}, "Not a number of type " + name
	}
	return Value{Text: strconv.FormatInt(n, 10), Int: n}, ""
}

// doubleText is Java's way to write a double, for the range configs use.
func doubleText(f float64) string {
	if math.Abs(f) >= 1e7 { // as Java writes it
		return strings.Replace(strconv.FormatFloat(f, 'E', -1, 64), "E+", "E", 1)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func parseList(s string) (Value, string) {
	if s == "" {
		return Value{}, ""
	}
	var items []string
	seen := map[string]bool{}
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return Value{}, "values must not be empty"
		}
		if !seen[item] {
			seen[item] = true
			items = append(items, item)
		}
	}
	return Value{Text: strings.Join(items, ",")}, ""
}

// check returns what is wrong with a value of the right type, "" if nothing.
type check func(Value) string

func atLeast(low int64) check {
	return func(v Value) string {
		if v.Int < low {
			return fmt.Sprintf("Value must be at least %d", low)
		}
		return ""
	}
}

func between(low, high int64) check {
	return func(v Value) string {
		if v.Int > high {
			return fmt.Sprintf("Value must be no more than %d", high)
		}
		return atLeast(low)(v)
	}
}

func gzipLevel(v Value) string {
	if v.Int != -1 && (v.Int < 1 || v.Int > 9) {
		return "Value must be between 1 and 9 or equal to -1"
	}
	return ""
}

func ratio(v Value) string {
	switch {
	case v.Double < 0:
		return "Value must be at least 0"
	case v.Double > 1:
		return "Value must be no more than 1"
	}
	return ""
}

// atLeastBytes is the rule of a rate: below that nothing would ever be done.
func atLeastBytes(v Value) string {
	if v.Double < 1024 {
		return "Value must be at least 1024"
	}
	return ""
}

// unlimitedOr1 is the rule of the broker's times: negative is unlimited.
func unlimitedOr1(v Value) string {
	if v.Int == 0 {
		return "Value must be unlimited (-1) or at least 1"
	}
	return ""
}

// oneOf holds for each item of a list, or for the whole of a string.
func oneOf(words ...string) check {
	return func(v Value) string {
		items := v.Items()
		if len(items) == 0 {
			items = []string{""}
		}
		for _, item := range items {
			if !slices.Contains(words, item) {
				return "String must be one of: " + strings.Join(words, ", ")
			}
		}
		return ""
	}
}

// someOf is oneOf for a list that may be empty.
func someOf(words ...string) check {
	return func(v Value) string {
		if v.Text == "" {
			return ""
		}
		return oneOf(words...)(v)
	}
}

// replicaList is [partition]:[broker],... or *.
func replicaList(v Value) string {
	if v.Text == "*" {
		return ""
	}
	for _, item := range v.Items() {
		partition, broker, ok := strings.Cut(item, ":")
		_, errP := strconv.ParseUint(partition, 10, 31)
		_, errB := strconv.ParseUint(broker, 10, 31)
		if !ok || errP != nil || errB != nil {
			return "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
		}
	}
	return ""
}

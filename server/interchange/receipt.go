package interchange

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const receiptVersion = 1

// Receipt tells what was taken over, and what was not.
type Receipt struct {
	Version   int      `json:"version"`
	Time      string   `json:"time"`   // UTC, RFC 3339
	Moldau    string   `json:"moldau"` // version of the program
	Operation string   `json:"operation"`
	From      []string `json:"from"`
	To        string   `json:"to"`
	Method    Method   `json:"method"`
	DryRun    bool     `json:"dryRun,omitempty"`

	ClusterID string `json:"clusterId"`
	NodeID    int32  `json:"nodeId"`
	// Clean tells that the source was closed cleanly. If not its logs were recovered,
	// in the target.
	Clean          bool  `json:"clean"`
	NextProducerID int64 `json:"nextProducerId"`

	Topics  []TopicReceipt    `json:"topics"`
	Configs map[string]string `json:"brokerConfigs,omitempty"` // as "broker 1: log.retention.ms"

	// Of all partitions; linked are those files whose data both sides share.
	Files       int   `json:"files"`
	FilesLinked int   `json:"filesLinked"`
	Bytes       int64 `json:"bytes"`
	BytesLinked int64 `json:"bytesLinked"`

	Recovered        []Recovered       `json:"recovered,omitempty"`
	OpenTransactions []OpenTransaction `json:"openTransactions,omitempty"`
	NotTaken         []NotTaken        `json:"notTaken,omitempty"`
	Notes            []string          `json:"notes,omitempty"`
}

// TopicReceipt is a topic that was taken over.
type TopicReceipt struct {
	Name       string             `json:"name"`
	ID         string             `json:"id"`
	Internal   bool               `json:"internal,omitempty"`
	Configs    map[string]string  `json:"configs,omitempty"`
	Partitions []PartitionReceipt `json:"partitions"`
}

// PartitionReceipt is a partition that was taken over. Offsets are -1 in a dry
// run, which opens no log.
type PartitionReceipt struct {
	Partition   int32  `json:"partition"`
	From        string `json:"from,omitempty"` // directory; empty where there was none
	Start       int64  `json:"startOffset"`
	End         int64  `json:"endOffset"`
	LeaderEpoch int32  `json:"leaderEpoch"`
	Bytes       int64  `json:"bytes"` // of all files
}

// Recovered is a log of which recovery cut what was not whole.
type Recovered struct {
	Log      string   `json:"log"`
	End      int64    `json:"endOffset"`
	BytesCut int64    `json:"bytesCut"`
	Reason   string   `json:"reason"`
	Kept     []string `json:"kept,omitempty"` // files that hold what was cut, where a whole batch is in it
}

// OpenTransaction is one that its log has no end of yet.
type OpenTransaction struct {
	Log        string `json:"log"`
	ProducerID int64  `json:"producerId"`
	First      int64  `json:"firstOffset"`
}

// NotTaken is something of the source that the target has not.
type NotTaken struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

func (r *Receipt) notTaken(what, format string, args ...any) {
	r.NotTaken = append(r.NotTaken, NotTaken{what, fmt.Sprintf(format, args...)})
}

func (r *Receipt) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Partitions counts those of all topics.
func (r *Receipt) Partitions() (n int) {
	for i := range r.Topics {
		n += len(r.Topics[i].Partitions)
	}
	return n
}

func newReceipt(operation, to string, o *Options, from ...string) *Receipt {
	return &Receipt{
		Version: receiptVersion, Time: o.now().UTC().Format(time.RFC3339), Moldau: o.Version, Operation: operation,
		From: from, To: to, Method: o.Method, DryRun: o.DryRun, Topics: []TopicReceipt{}, Configs: map[string]string{},
	}
}

func (r *Receipt) encode() (string, error) {
	slices.SortStableFunc(r.NotTaken, func(a, b NotTaken) int { return strings.Compare(a.What, b.What) })
	b, err := json.MarshalIndent(r, "", "  ")
	return string(b) + "\n", err
}

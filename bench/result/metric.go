package result

import "slices"

// Metric names a figure, with its unit.
type Metric string

const (
	CPUPerGB          Metric = "cpu-s/GB"         // the system's process, user and system time per 10^9 bytes
	MachineCPUPerGB   Metric = "machine-cpu-s/GB" // the whole machine's less the client's and its pool's other systems': write-back runs in kernel threads
	CPUPerRequest     Metric = "cpu-us/request"
	CPUPerOp          Metric = "cpu-us/op" // of this process, where there is no broker
	TimePerOp         Metric = "us/op"
	BytesPerSecond    Metric = "MB/s" // 10^6 bytes
	RecordsPerSecond  Metric = "records/s"
	RequestsPerSecond Metric = "requests/s"
	OpsPerSecond      Metric = "ops/s"
	P50               Metric = "p50-ms"
	P99               Metric = "p99-ms"
	P999              Metric = "p99.9-ms"
	Max               Metric = "max-ms"
	Seconds           Metric = "s"
	CPUSeconds        Metric = "cpu-s"
	Milliseconds      Metric = "ms"
	PerCPUSecond      Metric = "MB/cpu-s"      // 10^6 bytes that were worked on
	LeftShare         Metric = "left-share"    // records that a compaction kept, of those that there were
	WrittenShare      Metric = "written-share" // bytes that it wrote, for one that there was
	CompactedMB       Metric = "compacted-MB"  // read and written by compactions meanwhile
	OpenMilliseconds  Metric = "open-ms"
	OpenSeconds       Metric = "open-s"
	CloseSeconds      Metric = "close-s"
	FewPerSecond      Metric = "few-logs-ops/s" // the rate to few logs, beside that to many
	OfFew             Metric = "of-few"         // the rate to many logs over that to few, of one block
	ResidentMB        Metric = "resident-MB"
	ResidentPerConn   Metric = "resident-KB/connection"
	HeapMB            Metric = "heap-MB"
	HeapPerLog        Metric = "heap-bytes/log"
	OpenFiles         Metric = "open-files"
	ShedLogs          Metric = "shed-logs"  // whose files were closed to stay below the bound
	IdleCPU           Metric = "idle-cpu-%" // of one core
	MajorFaults       Metric = "major-faults"
	MinorFaultsPerGB  Metric = "minor-faults/GB"
	WrittenPerByte    Metric = "disk-bytes/byte" // written to the disk by anybody, for a byte acknowledged
	SyncsPerAck       Metric = "syncs/ack"
	DirtiedPerByte    Metric = "dirtied-bytes/byte" // pages made dirty by this process, each time one was, for a byte acknowledged
	SystemCalls       Metric = "system-calls"
	UnflushedMB       Metric = "unflushed-MB"
	ScannedShare      Metric = "scanned-share" // bytes that a recovery scanned for one that was not flushed
	JournalCuts       Metric = "journal-cuts"
	SettleSeconds     Metric = "settle-s" // of a block, after the last acknowledgement
	Allocations       Metric = "allocs/op"
	SendLag           Metric = "send-lag-p99-ms" // how late an open loop's requests were sent: above a fraction of its latencies, these are the client's
	Offered           Metric = "offered-requests/s"
	TailP50           Metric = "tail-p50-ms" // from when a record was due to be produced until a consumer had it
	TailP99           Metric = "tail-p99-ms"
	TailP999          Metric = "tail-p99.9-ms"
	AloneP99          Metric = "alone-p99-ms"           // with nothing beside
	BesideAlone       Metric = "p99-beside/alone"       // p99 with something beside over that without
	ReadPerByte       Metric = "disk-bytes-read/byte"   // read from the disk by the system, for a byte that a client read
	WindowStep        Metric = "window-p99-max/median"  // of the p99 of each window of a block
	CreateSeconds     Metric = "create-s"               // until every partition answers
	FirstSeconds      Metric = "first-batches-s"        // until every partition has acknowledged one
	OfHundred         Metric = "of-100-partitions"      // rate over that to 100 partitions in the same block
	OfHundredSmall    Metric = "of-100-partitions-1KiB" // the same with batches of 1 KiB
	OfHalf            Metric = "cpu-second/first-half"  // CPU time that the second half of the consumers adds over what the first added
	StartSeconds      Metric = "start-s"                // after a clean close
	ResidentPerPart   Metric = "resident-KB/partition"  // that came with the partitions and their first batches
	// Bytes before compression, where batches are compressed.
	UncompressedPerSecond Metric = "uncompressed-MB/s"
	CPUPerUncompressedGB  Metric = "cpu-s/uncompressed-GB"
	BySendfile            Metric = "by-sendfile-%" // of fetched bytes
	MovedMB               Metric = "MB"            // in the block, of 10^6 bytes
	CopiedMB              Metric = "copied-MB"     // of fetched bytes, through the process's memory
	// BudgetShare is the CPU time of a request over what its budget allows: that of
	// the limit program in the same turn and so many us for the request and each of
	// its batches.
	BudgetShare Metric = "of-budget"
)

// Metrics are in the order in which tables have them; others come behind, by name.
var Metrics = []Metric{
	CPUPerGB, MachineCPUPerGB, CPUPerUncompressedGB, CPUPerRequest, CPUPerOp, TimePerOp, BudgetShare, OfHalf,
	BytesPerSecond, UncompressedPerSecond, RecordsPerSecond, RequestsPerSecond, OpsPerSecond, PerCPUSecond, FewPerSecond, OfFew,
	CreateSeconds, FirstSeconds, OfHundred, OfHundredSmall,
	P50, P99, P999, Max, TailP50, TailP99, TailP999, AloneP99, BesideAlone, WindowStep, Offered, SendLag, ReadPerByte,
	Seconds, CPUSeconds, Milliseconds, OpenMilliseconds, OpenSeconds, StartSeconds, CloseSeconds, SettleSeconds, BySendfile, CopiedMB,
	ResidentMB, ResidentPerPart, ResidentPerConn, HeapMB, HeapPerLog, IdleCPU, MajorFaults, MinorFaultsPerGB,
	WrittenPerByte, DirtiedPerByte, SyncsPerAck, JournalCuts, Allocations,
	UnflushedMB, ScannedShare, LeftShare, WrittenShare, CompactedMB, SystemCalls, OpenFiles, ShedLogs,
}

// higher are the metrics of which more is better.
var higher = []Metric{
	BytesPerSecond, RecordsPerSecond, RequestsPerSecond, OpsPerSecond, UncompressedPerSecond, BySendfile,
	FewPerSecond, OfFew, PerCPUSecond, OfHundred, OfHundredSmall,
}

// percentiles are the metrics that a block has only with enough requests.
var percentiles = []Metric{P50, P99, P999, TailP50, TailP99, TailP999, AloneP99, BesideAlone, SendLag}

func (m Metric) needsMany() bool { return slices.Contains(percentiles, m) }

// HigherIsBetter tells which way a metric is read.
func (m Metric) HigherIsBetter() bool { return slices.Contains(higher, m) }

// Package admin is the HTTP listener for operators, their supervisors and their
// Prometheus. It stands apart from the clients' listener, so that neither can
// starve the other, and is up before the stores are opened, so that a long
// recovery can be watched.
//
//	/live             200 as long as the process answers
//	/ready            200 when clients are served, else 503; what for, as JSON
//	/metrics          for Prometheus, in its text format
//	/dashboard.json   a Grafana dashboard over those metrics
//	/debug/pprof/     Go's profiles
//
// There is neither encryption nor a password: the listener belongs on a loopback
// address or a network of operators.
//
// # Readiness
//
// The answer of /ready names the phase of the start, how much of it is done, of
// how many, and how long the rest will take if it goes on as it began; of each
// log that is being scanned, how far. A broker that serves is not ready any more
// when its metadata takes no changes, when every log of a store is poisoned, and
// once it is being closed. One poisoned log among others is no reason, because
// the others would go with it: moldau_log_poisoned counts those. While groups
// are being loaded, as after a start, clients are served but for their groups,
// and the broker is not ready yet.
//
// # Metrics
//
// Topics, partitions and consumer groups have the names and labels that
// kafka_exporter gave them, all with the prefix kafka_, so that dashboards made
// for it work; what is Moldau's alone begins with moldau_. They differ from
// kafka_exporter in one thing: a partition that a group has committed nothing
// for has no series of that group, where kafka_exporter shows -1, which falsifies
// every sum.
//
// Series are made when they are asked for, from what is there then: those of a
// topic or group end with it, and the lag of a group stays when its consumers
// are gone.
//
// All topics and groups are shown; there is no limit, because a series that is
// missing looks like a partition that is. They are written as they are walked,
// seven lines a partition and two a group and partition, and never held in
// memory: a scrape of 100,000 partitions takes a third of a second of one core
// and 1 MB, and is 51 MB long, or 2 MB compressed. Who does not want them leaves
// them out with /metrics?exclude=topics or exclude=groups, or both. No more than
// four scrapes run at once.
package admin

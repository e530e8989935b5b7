// Package suite is the contract between server/compat/run and the suites that
// it runs: foreign test suites, and programs on foreign clients.
//
// A suite is an executable suites/NAME/run. It is started in its own folder,
// beside a fresh broker of its own that creates topics on demand, with
//
//	MOLDAU_BROKER         the broker's host:port
//	MOLDAU_SYSTEM         "moldau" or "kafka": the same suite must do for both
//	MOLDAU_COMPAT         the folder server/compat
//	MOLDAU_COMPAT_CACHE   where it installs what it needs, in pinned versions
//
// and prints what it likes, but on standard output also
//
//	TEST passed NAME
//	TEST failed NAME
//	SUITE passed N failed N pinned N
//
// a TEST line for each test, anything behind a tab being a remark, and as its
// very last line the SUITE line. A test that was skipped has not passed: it is
// reported as failed. A suite that cannot say "TEST" may leave these lines out,
// but then nothing in it can be pinned. It exits 0 or, if a test failed, as it
// likes.
//
// Beside run may lie
//
//	pinned   what cannot pass yet: a line "NAME<tab or two spaces>API: reason" each
//	broker   "key=value" lines: listen=HOST:PORT where the suite insists on an
//	         address, and properties of Kafka's for the broker
//	quick    empty: the suite is among those that "run quick" runs
//
// The suite reports what it saw, [Judge] knows the pins: a pinned test that
// passes, or was not run, is a fault like a failed one, so that no pin outlives
// its reason. The suite may count pinned tests among its failed ones.
package suite

// Command gotest runs the tests of Go packages that are somebody else's and
// reports them as package suite wants it.
//
//	gotest [-C DIR] [-base PATH] [-except NAME]... [-needs KEY:NAME]... PACKAGE... [-- FLAG...]
//
// DIR holds the module in which the packages are looked up. A test of package
// BASE/a/b is called a/b.TestName, one of BASE itself TestName. Where a test has
// subtests, these are reported and not the test, unless it fails by itself. What
// a test skips, it has not passed; nor has what -except and -needs keep from
// being run, because it panics, or waits for ever without the API of that key.
package main

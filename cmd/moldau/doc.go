// Command moldau runs a broker and talks to brokers.
//
// Every command takes --format text or json. The exit code is 0 when what was
// asked is done, 1 when it failed or a fault was found, 2 when the command line
// cannot be understood. Results go to standard output; errors, and what a
// person but no program wants to read, to standard error.
package main

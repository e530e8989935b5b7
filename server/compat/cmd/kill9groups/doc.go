// Command kill9groups kills a broker again and again while consumer groups work
// and committers commit, and then looks for a committed offset that went back,
// for a group that did not go on where it was, and for a partition that was
// owned twice.
package main

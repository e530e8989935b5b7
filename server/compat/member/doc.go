// Package member has members of consumer groups that tell package groups what
// they live through: light ones, which speak the classic group protocol by hand
// on one connection each and can be killed, put to sleep or cut off in the
// middle of a join, franz-go's client, and Apache's in a process of its own. All
// consume and commit what they consumed; the first two with metadata that names
// the commit. Light members balance with franz-go's balancers, so that all kinds
// can be members of one group.
package member

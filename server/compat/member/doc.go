// Package member has members of consumer groups that tell package groups what
// they live through: light ones, which speak the classic group protocol by hand
// on one connection each and can be killed, put to sleep or cut off in the
// middle of a join, and franz-go's client. Both consume, and commit what they
// consumed with metadata that names the commit. Light members balance with
// franz-go's balancers, so that both kinds can be members of one group.
package member

// Package figure sums up what blocks read: medians with the least and the most,
// and for ratios an interval that says how sure the median is.
//
// Nothing is assumed about how figures are distributed: on a shared machine they
// have a long tail on one side. An interval is made of order statistics.
package figure

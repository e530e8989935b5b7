// Package plot draws rows as static SVG: the headline of each system with the limit
// drawn in, latency by percentile, latency against load, and how many times better
// than its peers Moldau is in every row of a scenario.
//
// All systems of a row share one plot and so one pair of axes. Colours are Okabe and
// Ito's, which the colour-blind can tell apart; lines differ in their dashes and
// points in their shapes as well. Limit programs are grey.
package plot

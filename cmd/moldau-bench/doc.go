// Command moldau-bench measures Moldau beside other systems and beside limit
// programs, in one run, and makes tables, plots and comparisons of it. It is a
// module of its own, so that the broker's binary has no plotting library.
package main

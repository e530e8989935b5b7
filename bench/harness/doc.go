// Package harness runs scenarios: it lets the systems of a workload take turns in
// one run, shows how far it is and how long it will take yet, and keeps every
// figure, also of a run that is stopped halfway.
//
// A scenario plans workloads. A workload is a row of figures and its contestants,
// each of which can do one block of the work. The order of the contestants turns
// around with every turn, A B C C B A, so that what drifts hits all alike.
//
// It measures nothing itself: what a block's figures are, its contestant says.
package harness

// Package table makes of a row what every kind of report shows: a line for each
// system with its medians, Moldau's ratio to it, and the goals in plain words.
package table

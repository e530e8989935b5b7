// Command truncate writes a log through the engine, with appends, rolls,
// truncations into sealed and active segments, a moved start and a reopening,
// for others to judge its files. No client can make a broker truncate.
package main

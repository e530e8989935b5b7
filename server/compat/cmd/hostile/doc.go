// Command hostile lets hostile clients at a running broker while a clean one goes
// on: a storm of malformed requests of every key and version, thousands of
// connections that announce frames and send nothing, that send a byte now and
// then, that never read what they asked for, or do nothing at all. The clean
// client must be served without an error, and the broker must stay within its
// memory budget and up.
package main

// Command verify lets "moldau log verify" judge directories that a real Apache
// Kafka wrote. Sound ones must pass, whatever Kafka leaves in them; of each,
// copies with a fault in a sealed segment must not.
package main

// Lets functions without a body be linked by name, see nats.go.

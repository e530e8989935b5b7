package logstore

// AppendOptions is what a leader knows of the producer of a batch and the batch
// does not say.
type AppendOptions struct {
	// EpochBumps tells that the producer gets a new epoch with each transaction
	// (transactions version 2). One without state here then begins at sequence 0:
	// it has written nothing that could have been forgotten. Any other may begin
	// anywhere, because retention may have taken all it wrote.
	EpochBumps bool
	// ByCoordinator tells that a coordinator writes on the producer's behalf, such as
	// the offsets that are committed with a transaction: the batch has no sequence,
	// and its epoch alone is checked.
	ByCoordinator bool
}

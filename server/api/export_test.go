package api

// NextSessionEpoch is the epoch that follows in a session.
func NextSessionEpoch(epoch int32) int32 { return nextSessionEpoch(epoch) }

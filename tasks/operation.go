package tasks

// markOperation says which step is under way, for the proof of the operation that
// brackets it, if any.
func markOperation(t *Target, step string) {}

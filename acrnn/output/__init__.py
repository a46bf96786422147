"""Output folders that several commands may write at the same time."""

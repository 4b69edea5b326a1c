"""Who runs it: plans, worker processes, rounds."""

"""What it means: pure functions from a run to its figures."""

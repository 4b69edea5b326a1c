"""When to ask: arithmetic only, no clock and no I/O."""

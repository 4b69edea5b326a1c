"""What the events of each kind of stream mean, as data."""

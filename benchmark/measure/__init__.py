"""What was seen: exchanges, histograms, recordings."""

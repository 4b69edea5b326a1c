"""What a report says, one module for each language."""

"""What is kept: runs, results folders, and the document that other programs read."""

"""What to ask: scenarios, read from YAML or from curl's command line, and checked before anything is sent."""

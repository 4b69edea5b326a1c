"""How it is told: a document, and its renderers."""

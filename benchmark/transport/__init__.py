"""How it is sent: connections, requests on the wire, and what became of them."""

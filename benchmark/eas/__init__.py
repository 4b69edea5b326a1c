"""PAI-EAS lore: addresses, and what the gateway's answers mean."""

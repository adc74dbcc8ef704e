"""Keeping the system running: what is stale and why, who is told, figures, upkeep of the tables."""

"""Polymarket's stream: whole order books of the tracked tokens, proved by the venue's hash."""

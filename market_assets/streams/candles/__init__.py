"""Candles of any venue's stream: bars in memory, which minutes are known, and healing from REST."""

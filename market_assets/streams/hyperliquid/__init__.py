"""Hyperliquid's stream: mids and 1-minute candles of all that it lists."""

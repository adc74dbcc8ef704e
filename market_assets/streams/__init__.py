"""Streams: feeds that stay open, and how what they bring gets into the database without a hole."""

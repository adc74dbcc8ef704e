"""Streams: feeds that stay open, what they bring, and how it gets into the database without a hole."""

"""What every store needs, whichever backend keeps the tables."""

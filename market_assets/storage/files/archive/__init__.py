"""Rows that retention has taken out of the database, as Parquet."""

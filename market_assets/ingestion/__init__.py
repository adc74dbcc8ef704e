"""What to ask a venue for, in which order, and what of it to write: clients on one side, the store
on the other.

A package per source. Nothing here knows Dagster or reads settings: values are handed in, and what
was done is handed back for the asset's metadata.
"""

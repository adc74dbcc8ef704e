"""What Prometheus is told: counters of ingestion runs, and gauges of health, stream, spool, files.

`exposition.py` is the one to use. Names and labels are fixed by the program: a label is a source, a
channel or a table, never a symbol, an address or an error, so that nothing a venue sends makes
series, and no message can carry a secret here.
"""

"""The read API: the published database over HTTP, as JSON for programs, and a page for people.

`app.py` puts it together from `endpoints.py` (what is answered where), `parameters.py` (what may be
asked), `auth.py` and `protocol.py` (who may ask, and how much) and `openapi.py` (how it describes
itself); `page.py` is what people look at; `server.py` listens; `market_index/` finds words. Nothing
here knows Dagster, DuckDB or settings: health, metrics and the published file are handed in.
"""

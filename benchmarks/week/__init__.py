"""A simulated week: does anything go on growing? See `__main__.py` for what is run and measured."""

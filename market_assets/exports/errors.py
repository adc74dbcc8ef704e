"""Why nothing was exported."""


class NothingToExportError(Exception):
    """There is no such row in the published database; says what there is."""

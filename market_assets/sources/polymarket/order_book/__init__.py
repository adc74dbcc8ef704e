"""Order books, exact: what the venue sends, how it changes them, and what proves them."""

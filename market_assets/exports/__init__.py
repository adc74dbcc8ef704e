"""Files for other programs, made of what is published."""

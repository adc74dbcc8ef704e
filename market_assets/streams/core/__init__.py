"""What every stream has: a session with its lease, its loop, its spool's drain, its accounts."""

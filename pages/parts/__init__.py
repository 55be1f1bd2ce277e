"""What pages share; nothing here names a kind of work."""

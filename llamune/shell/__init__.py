"""The terminal: reads keys, dispatches, shows. Knows nothing of SQL or servers."""

"""The terminal: reads keys, dispatches, shows. Knows nothing of SQL or servers; only `view.py` decides what things look like."""

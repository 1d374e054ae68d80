"""What is remembered: the only package that knows SQLite and SQLModel. `database.open` gives the one way in.

Values go in and out (`chat/session.py`); rows and foreign exceptions never leave.
"""

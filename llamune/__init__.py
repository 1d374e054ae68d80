"""Llamune: a chat shell for closed networks. Compare local models, and see that nothing leaves."""

__version__ = "0.1.0"

"""Data sets for an own model: found in sources, cleaned, split, explained."""

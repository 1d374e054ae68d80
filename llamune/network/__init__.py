"""The network: who may be called (`policy`), the refusal of the rest (`guard`), and what was measured (`meter`).

Everything here stands on the standard library. Nothing starts by being imported.
"""

"""Level 3 of the knowledge: an own model, made on this machine from own material.

Here: data sets, the job that survives a crash, export, the registry of versions. The child processes that import torch
are in `child/`; nothing else in Llamune imports it.
"""

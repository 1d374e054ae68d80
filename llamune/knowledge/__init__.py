"""Collections of documents: cut into passages, indexed, searched. Reading the files is `llamune.sources`."""

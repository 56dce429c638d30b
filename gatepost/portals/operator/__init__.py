"""The operator's pages: whether everything runs, and the tables."""

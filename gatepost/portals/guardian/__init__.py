"""A family's pages: each child's day, and what the family wants to be told."""

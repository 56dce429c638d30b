"""A family's application to be bound to its child: for people who have no account yet, each page a step."""

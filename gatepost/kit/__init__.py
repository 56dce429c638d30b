"""Small tools every room may use. No tables here, and nothing that knows a school."""

"""Stories across rooms, and the builders that tests of every room share."""

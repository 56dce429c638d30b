"""The pages people see, one package per audience; and the design they share."""

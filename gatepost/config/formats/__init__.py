"""How a date is written within a sentence, where Django writes it as a heading or in the American way."""

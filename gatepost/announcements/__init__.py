"""What a school or the city says to everybody: news with a date, a kind and a title. Not messages to one person."""

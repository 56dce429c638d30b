"""The bureau's pages: the city in figures without names, its announcements, days closed for all."""

"""What anyone may see: the front page, announcements, unsubscribing, whether the system is alive."""

"""Walks through the pages in Chromium, and the pictures of them."""

"""Adding a child (加入學生), for somebody signed in: the same pages, whether or not what is typed fits a student."""

"""The program tarmak: its arguments, its run in our place, and the file that it rewrites."""

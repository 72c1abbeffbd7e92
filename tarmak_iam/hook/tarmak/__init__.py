"""The program tarmak: its arguments, running it with our terminal, and the file that it rewrites."""

"""A review as one HTML file that needs nothing else: no script to be read, no network, no other file."""

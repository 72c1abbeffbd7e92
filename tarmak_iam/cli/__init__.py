"""The command line. `main` is imported late, so that nothing here costs time before it is needed."""

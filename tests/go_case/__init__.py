"""What Go makes of letters: `python -m tests.go_case` makes the package's tables and the recording anew, with Go."""

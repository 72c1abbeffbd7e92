"""Running tarmak and kubectl: applying what was made, proving that people can log in, rolling back."""

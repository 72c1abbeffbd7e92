"""`python -m tarmak_iam`."""

from tarmak_iam.cli.main import run

run()

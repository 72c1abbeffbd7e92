"""The checkout's own tarmak-iam, whatever is installed."""

from tarmak_iam.__main__ import main

main()

"""A stand-in of the client: `token -i CLUSTER [-r ROLE]`, made by our own command."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> None:
    names = {"-i": "--cluster-id", "-r": "--role", "--cluster-id": "--cluster-id", "--role": "--role"}
    if arguments[:1] == ["version"]:
        print('{"Version":"0.6.20","Commit":"stand-in"}')
    elif arguments[:1] == ["token"]:
        os.execvp("tarmak-iam", ["tarmak-iam", "token", *(names.get(word, word) for word in arguments[1:])])
    else:
        sys.exit("the stand-in knows token and version")


if __name__ == "__main__":
    main(sys.argv[1:])

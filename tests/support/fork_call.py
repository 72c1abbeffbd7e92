"""Has a fork server run a program: `fork_call.py SOCKET PROGRAM ARGUMENTS`, with this process's files, directory, umask
and environment. Python's own library only, so that it starts in milliseconds."""

import json
import os
import socket
import sys


def call(path: str, program: str, arguments: list[str], environment: dict[str, str], files: list[int]) -> int:
    """The program's exit code, 1 where a signal ended it. `files` are its standard input, output and error."""
    os.umask(umask := os.umask(0o077))
    asked = [program, arguments, environment, os.getcwd(), umask]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [b" "], files)
        connection.sendall(json.dumps(asked).encode() + b"\n")
        answer = connection.recv(1)
    return answer[0] if answer else 1


if __name__ == "__main__":
    sys.exit(call(sys.argv[1], sys.argv[2], sys.argv[3:], dict(os.environ), [0, 1, 2]))

"""Has the session's fork server run a stand-in: `call.py SOCKET PROGRAM ARGUMENTS`, with this process's files,
directory and environment. Python's own library only, so that it starts in milliseconds."""

import json
import os
import socket
import sys


def main(path: str, program: str, arguments: list[str]) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        call = {"program": program, "arguments": arguments, "environment": dict(os.environ), "directory": os.getcwd()}
        message = json.dumps(call).encode()
        # The length goes with the files: what is sent after it is not.
        socket.send_fds(connection, [len(message).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(message)
        answer = connection.recv(1)
    return answer[0] if answer else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

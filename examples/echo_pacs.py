"""Is the PACS there, and does it take these files? Uses the package `orthanc` alone.

python examples/echo_pacs.py PACS 127.0.0.1 11112 study/*.dcm
"""

import argparse
from pathlib import Path

import orthanc


def main() -> None:
    parser = argparse.ArgumentParser(description="Echo a PACS, then send it files.")
    parser.add_argument("ae_title")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()

    peer = orthanc.Peer(arguments.ae_title, arguments.host, arguments.port)
    try:
        orthanc.echo(peer)
        print(f"{peer} answers")
        report = orthanc.send(peer, arguments.files)
        print(f"{len(report.stored)} files stored")
    except orthanc.PeerUnavailable as error:
        raise SystemExit(f"{error}\nTry again later, or check address and port.") from error
    except orthanc.PeerRefused as error:
        raise SystemExit(
            f"{error}\nAsk the administrator of the PACS; trying again does not help."
        ) from error


if __name__ == "__main__":
    main()

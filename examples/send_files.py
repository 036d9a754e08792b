"""Is the PACS there, and does it take these files, or all files of these folders? Uses the package `orthanc` alone.

python examples/send_files.py PACS 127.0.0.1 11112 study --from SCANNER
"""

import argparse
from pathlib import Path

import orthanc


def main() -> None:
    parser = argparse.ArgumentParser(description="Echo a PACS, then send it files.")
    parser.add_argument("ae_title")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("files", nargs="*", type=Path, help="DICOM files, or folders of nothing else")
    parser.add_argument("--from", dest="calling", default="ROR", help="our own AE title [%(default)s]")
    arguments = parser.parse_args()

    files = [
        file
        for path in arguments.files
        for file in (sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path])
    ]
    try:
        peer = orthanc.Peer(arguments.ae_title, arguments.host, arguments.port, arguments.calling)
        orthanc.echo(peer)
        print(f"{peer} answers")
        report = orthanc.send(peer, files)
        print(f"{len(report.stored)} files stored")
    except orthanc.PeerUnavailable as error:
        raise SystemExit(f"{error}\nTry again later, or check address and port.") from error
    except orthanc.PeerRefused as error:
        raise SystemExit(
            f"{error}\nAsk the administrator of the PACS; trying again does not help."
        ) from error
    except (ValueError, orthanc.NotSendable) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()

"""Does what its options ask for: ``{"do": "sleep"}``. Says ``ready`` where a test waits for it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

options = json.loads(os.environ["ROR_CONT_OPTIONS"])
data, output = Path(sys.argv[-2]), Path(sys.argv[-1])


def succeed() -> None:
    (output / "output.json").write_text("[]")


def fail() -> None:
    sys.exit(options["code"])


def tell() -> None:
    """Write down what the program was given."""
    seen = {
        "arguments": sys.argv[1:],
        "options": options,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
    }
    seen["input"] = (data / "input" / "words.txt").read_text()
    (Path(os.environ["TMPDIR"]) / "scratch").write_text("writable")
    (Path(os.environ["HOME"]) / "home").write_text("writable")
    Path(options["into"].replace("OUTPUT", str(output))).write_text(json.dumps(seen))


def speak() -> None:
    os.write(1, b"first on stdout\n")
    os.write(2, b"second on stderr\n")
    os.write(1, "third, with \u00fc\r\n".encode())


def flood() -> None:
    line = b"x" * 1023 + b"\n"
    for _ in range(options["mib"]):
        os.write(1, line * 1024)


def sleep() -> None:
    print("ready")
    time.sleep(600)


def refuse() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()


def leave_behind() -> None:
    """Start a process in a session of its own, which would outlive us, and end."""
    # Without our stdout: whoever waits for the end of the output must not wait for it.
    child = subprocess.Popen(
        ["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    print(f"left {child.pid}", flush=True)


def swell() -> None:
    """Take memory that is really used, up to a bound that harms no machine."""
    held = []
    for _ in range(options["mib"]):
        held.append(bytearray(os.urandom(1) * (1 << 20)))
        time.sleep(options.get("pause", 0))
    print("took it all")


def multiply() -> None:
    """Start processes up to a bound; say how many the machine let us."""
    started = []
    try:
        for _ in range(options["processes"]):
            started.append(subprocess.Popen(["sleep", "600"]))
    except OSError as error:
        print(f"refused after {len(started)}: {error.strerror}")
    else:
        print(f"started all {len(started)}")
    for child in started:
        child.kill()


def room_mib(place: str) -> int:
    """How large a file system is."""
    told = os.statvfs(place)
    return told.f_blocks * told.f_frsize >> 20


def look_around() -> None:
    """Say which interfaces, rights and writable places there are."""
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    refused = []
    for place in ("/", "/app", "/usr/bin", "/data", "/etc"):
        try:
            (Path(place) / "intruder").write_text("was here")
        except OSError as error:
            refused.append(f"{place}: {error.strerror}")
    seen = {
        "interfaces": [name for _, name in socket.if_nameindex()],
        "user": os.getuid(),
        "groups": os.getgroups(),
        "capabilities": status["CapEff"],
        "no_new_privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "refused": refused,
        "mib": {place: room_mib(place) for place in ("/dev/shm", "/tmp")},
    }
    (output / "seen.json").write_text(json.dumps(seen))


def count() -> None:
    """Write down each beginning and each end; end when the test allows it."""
    with (output / "count.txt").open("a") as file:
        file.write("begun\n")
    print("ready", flush=True)
    while not (data / "go").exists():
        time.sleep(0.02)
    with (output / "count.txt").open("a") as file:
        file.write("ended\n")
    print("done")


def fill() -> None:
    """Write real bytes into /output, up to a bound that harms no machine."""
    block = os.urandom(1 << 20)
    with (output / "rubbish").open("wb") as file:
        for _ in range(options["mib"]):
            file.write(block)
            file.flush()
            time.sleep(0.005)


def breed() -> None:
    """A fork bomb: every process forks for as long as it may."""
    print("ready", flush=True)
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.05)


def spin() -> None:
    print("ready", flush=True)
    while True:
        pass


def babble() -> None:
    """Print without end; a reader that does not keep up makes it wait."""
    line = b"x" * 1023 + b"\n"
    while True:
        os.write(1, line * 1024)


def call_home() -> None:
    """Try to reach an address of a test network (RFC 5737), and a name; say what came of it."""
    with socket.socket() as connection:
        connection.settimeout(2)
        print(f"address: {os.strerror(connection.connect_ex(('192.0.2.1', 80)))}")
    try:
        socket.getaddrinfo("example.invalid", 80)
    except OSError as error:
        print(f"name: {type(error).__name__}")


def become_root() -> None:
    """Run every set-uid program there is to learn who one is then, as far as it tells."""
    found = [path for path in Path("/usr/bin").iterdir() if path.lstat().st_mode & 0o4000]
    print(f"set-uid programs: {len(found) > 0}")
    copied = output / "id"
    copied.write_bytes(Path("/usr/bin/id").read_bytes())
    copied.chmod(0o4755)
    for program in ([str(copied), "-u"], ["su", "--command", "id -u"]):
        done = subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        print(f"{Path(program[0]).name}: {done.stdout.strip() or 'refused'}")


actions = (
    succeed,
    fail,
    tell,
    speak,
    flood,
    sleep,
    refuse,
    leave_behind,
    swell,
    multiply,
    look_around,
    count,
    fill,
    breed,
    spin,
    babble,
    call_home,
    become_root,
)
{action.__name__: action for action in actions}[options["do"]]()

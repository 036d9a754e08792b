#!/bin/sh
# Installs the real servers, and the browser, that tests talk to. Without root or apt it says what tests will skip.
set -eu
wanted="dcmtk:storescu dicom3tools:dciodvfy orthanc:Orthanc postgresql:pg_ctl docker.io:dockerd podman:podman catatonit:catatonit debootstrap:debootstrap docker-registry:docker-registry chromium:chromium iproute2:ip"
missing=""
PATH="$PATH:/usr/sbin:/sbin"
for pair in $wanted; do
    package=${pair%%:*} program=${pair##*:}
    [ -x "/usr/bin/$program" ] || [ -x "/usr/sbin/$program" ] || ls /usr/lib/postgresql/*/bin/"$program" >/dev/null 2>&1 ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed (needs root and Debian's apt):$missing; tests that need them are skipped" >&2
    exit 0
fi
echo "installing$missing"
apt-get update -qq
# The packages' own daemons are not wanted: the tests start their own, on free ports.
RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null

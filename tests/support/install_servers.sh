#!/bin/sh
# Installs the real servers, and the browser, that tests talk to. Without root or apt it says what tests will skip.
set -eu
# package:file, which is there once the package is
wanted="
dcmtk:storescu dicom3tools:dciodvfy
orthanc:Orthanc orthanc-dicomweb:libOrthancDicomWeb.so
postgresql:pg_ctl
docker.io:dockerd docker-registry:docker-registry debootstrap:debootstrap
podman:podman catatonit:catatonit
chromium:chromium
iproute2:ip
"
missing=""
for pair in $wanted; do
    package=${pair%%:*} file=${pair##*:}
    for place in /usr/bin /usr/sbin /sbin /usr/lib/postgresql/*/bin /usr/share/orthanc/plugins; do
        [ ! -e "$place/$file" ] || continue 2
    done
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

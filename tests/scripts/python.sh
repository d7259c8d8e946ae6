#!/bin/sh
# Makes the Python that tests run strangers' libraries with: python.sh FOLDER. Not again where it is as it was.
set -eu
here=$(cd "$(dirname "$0")/../strangers" && pwd)
cmp -s "$here/requirements.txt" "$1/made-of" && exit 0
echo "setup: a Python environment for the tests, in $1"
python3 -m venv --clear "$1"
# All that is needed is listed: what a package wants for the rest of its work is not.
"$1/bin/pip" install -q --disable-pip-version-check --no-deps -r "$here/requirements.txt"
cp "$here/requirements.txt" "$1/made-of"

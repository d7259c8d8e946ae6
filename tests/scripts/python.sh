#!/bin/sh
# Makes the Python that tests run strangers' libraries with: python.sh FOLDER. Not again where it is as it was.
set -eu
here=$(cd "$(dirname "$0")/../strangers" && pwd)
cmp -s "$here/requirements.txt" "$1/made-of" && exit 0
echo "setup: a Python environment for the tests, in $1"
python3 -m venv --clear "$1"
"$1/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/requirements.txt" "$1/made-of"

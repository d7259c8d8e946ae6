#!/usr/bin/env python3
"""Whether every selection of packages shares one build of what takes long to compile: RocksDB and librdkafka.

Cargo builds a package again where a feature differs anywhere below it. This asks cargo for its plans, without building, and
compares what is at and below these packages between the workspace and each package alone. Ends with 1 where that differs.
"""

import json
import os
import subprocess
import sys

LONG = ("librocksdb-sys", "rocksdb", "rdkafka-sys")


def cargo(*args):
    # The plan is an option of unstable compilers only.
    env = dict(os.environ, RUSTC_BOOTSTRAP="1")
    return json.loads(subprocess.run(["cargo", *args], check=True, stdout=subprocess.PIPE, env=env).stdout)


def name(unit):
    return unit["pkg_id"].rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def needed(selection):
    """Each unit at or below a long one: package, target, what is done, features and profile."""
    plan = cargo("build", "--release", "--locked", "--unit-graph", "-Z", "unstable-options", *selection)["units"]
    left = [index for index, unit in enumerate(plan) if name(unit).split("@")[0] in LONG]
    seen = set()
    while left:
        index = left.pop()
        if index not in seen:
            seen.add(index)
            left.extend(need["index"] for need in plan[index]["dependencies"])
    units = ({key: value for key, value in plan[index].items() if key != "dependencies"} for index in seen)
    return {(name(unit), tuple(unit["features"]), json.dumps(unit, sort_keys=True)) for unit in units}


def main():
    packages = cargo("metadata", "--format-version", "1", "--no-deps", "--locked")["packages"]
    selections = [["--workspace"], *(["-p", package["name"]] for package in packages)]
    whole, differ = needed(["--workspace"]), False
    for selection in selections + [[*selection, "--all-targets"] for selection in selections]:
        alone = needed(selection)
        for what, mine in (f"cargo build {' '.join(selection)}", alone - whole), ("cargo build --workspace", whole - alone):
            for package, features, _ in sorted(mine):
                differ = True
                print(f"{what}: {package} with {', '.join(features) or 'no features'}")
    print("selections differ" if differ else f"every selection of packages shares one build of {', '.join(LONG)}")
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())

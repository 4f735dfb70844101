"""Says what the Python that runs it is, and which of the modules it cannot import, in one line of JSON.

Its arguments are the modules. scripts/handoff/interpreters.py runs it under another Python, which may be any: one
that is too old for the rest of Handoff must still be able to say so.
"""

import json
import platform
import sys

version = list(sys.version_info[:3])
said = {"implementation": platform.python_implementation(), "version": version}
if version >= [3, 11] and said["implementation"] == "CPython":
    from handoff import provenance

    said["about"] = provenance.interpreter()
    said["facts"] = list(provenance.environment_facts())
    said["missing"] = provenance.missing(sys.argv[1:])
print(json.dumps(said))

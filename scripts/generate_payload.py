"""Make one payload of a run: its data file and the description of what must arrive.

A payload that Handoff makes is written to --out. A user's own file is read where it lies, and only
described; so is what a function of his returns. By hand, for 1 MiB of random numbers:

    python scripts/generate_payload.py --seed 1 --out a.npy --digest a.digest.json \\
        --payload '{"id": "a", "kind": "array", "size": 1048576, "options": {"dtype": "float64"}}'
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handoff.mistakes import step
from handoff.payloads.generation import generate
from handoff.scenarios import Payload


def payload_from(text: str) -> Payload:
    """The payload of its JSON form, as Scenario.to_json()["payload"] has it."""
    fields = json.loads(text)
    return Payload(**{**fields, "options": tuple(fields.get("options", {}).items())})


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--payload",
        type=payload_from,
        required=True,
        help="the payload as JSON: id, kind, size, options; or id, kind, path; or id, kind, maker, home",
    )
    parser.add_argument("--seed", type=int, required=True, help="the run's seed; each payload's own is derived from it")
    parser.add_argument("--out", type=Path, help="the data file to write; left out for a user's own file or function")
    parser.add_argument("--digest", type=Path, required=True, help="the description to write, a .digest.json")
    given = parser.parse_args()
    if bool(given.out) != bool(given.payload.file):
        parser.error("--out is needed for a payload that is made, and must be left out for a user's own")
    return given


@step
def main() -> None:
    given = arguments()
    generate(given.payload, given.seed, given.out, given.digest)


if __name__ == "__main__":
    main()

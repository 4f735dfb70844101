"""Describe this machine: what it is, what it allows, and what will hurt a measurement on it.

python scripts/describe_machine.py --doctor
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

from handoff.machine import describe, doctor
from handoff.mistakes import step
from handoff.records import write_atomically


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: the file system that it will be on."""
    return next(each for each in (folder, *folder.parents) if each.exists())


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="write the description to results/<run>/machines/<machine_id>.json")
    what.add_argument("--doctor", action="store_true", help="say in words what disturbs measuring here, and what to do")
    given = parser.parse_args()
    if platform.system() != "Linux":
        raise SystemExit(
            f"describe_machine: Handoff measures on Linux; this is {platform.system() or 'an unknown system'}"
        )
    if given.doctor:
        print(doctor())
    else:
        facts = describe(results=existing(given.out.resolve().parent))
        write_atomically(given.out, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

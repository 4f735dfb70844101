"""Write what is made from the code: the pages of the config's keys and the tables' columns, the schema's lists."""

from __future__ import annotations

import argparse
from pathlib import Path

from handoff.configuration import SCHEMA, read_schema
from handoff.mistakes import step
from handoff.records import write_atomically
from handoff.reference_pages import columns_page, config_reference, schema_with_names

ROOT = Path(__file__).parents[1]


@step
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema", type=Path, default=SCHEMA, help="the schema of the config (default: Handoff's own)")
    parser.add_argument(
        "--config-readme", type=Path, default=ROOT / "config" / "README.md", help="default: config/README.md"
    )
    parser.add_argument("--columns", type=Path, default=ROOT / "docs" / "columns.md", help="default: docs/columns.md")
    options = parser.parse_args()
    write_atomically(options.schema, schema_with_names(options.schema.read_text(encoding="utf-8")))
    write_atomically(options.config_readme, config_reference(read_schema(options.schema)))
    write_atomically(options.columns, columns_page())


if __name__ == "__main__":
    main()

"""Draws the graph of the workflow's rules as Snakemake tells it, without graphviz.

    python scripts/draw_rulegraph.py --out docs/rulegraph.svg

Top to bottom is the order in which data flow. An arrow that follows from others is left out of the drawing; the
file's description holds all of them, one a line, and a test compares it with the workflow.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

Edge = tuple[str, str]


def read_graph(dot: str) -> tuple[list[str], list[Edge]]:
    """Rules, and who feeds whom, from the dot text of `snakemake --rulegraph`; both sorted.

    A rule whose later jobs read what its earlier ones wrote feeds itself; that is left out.
    """
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', dot, flags=re.MULTILINE))
    edges = re.findall(r"^\s*(\d+) -> (\d+)", dot, flags=re.MULTILINE)
    return sorted(names.values()), sorted((names[a], names[b]) for a, b in edges if a != b)


def reachable(start: str, edges: Iterable[Edge]) -> set[str]:
    """All rules that the data of one reach, itself not among them."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        new = {second for first, second in edges if first == here} - found
        found |= new
        waiting.extend(new)
    return found


def essential(edges: list[Edge]) -> list[Edge]:
    """The edges that do not follow from others (the transitive reduction of a graph without cycles)."""
    return [edge for edge in edges if edge[1] not in reachable(edge[0], [other for other in edges if other != edge])]


def floors(rules: list[str], edges: list[Edge]) -> dict[str, int]:
    """The longest way from each rule to an end, as Sugiyama's method layers a graph: arrows always point down."""
    below = {rule: [second for first, second in edges if first == rule] for rule in rules}

    def height(rule: str) -> int:
        return max((1 + height(next_rule) for next_rule in below[rule]), default=0)

    return {rule: height(rule) for rule in rules}


def draw(rules: list[str], edges: list[Edge], path: Path) -> None:
    """Writes the drawing; equal graphs give equal bytes."""
    floor = floors(rules, edges)
    places: dict[str, tuple[float, float]] = {}
    for level, group in groupby(sorted(rules, key=lambda rule: (floor[rule], rule)), key=floor.__getitem__):
        row = list(group)
        places |= {rule: (2.4 * (i - (len(row) - 1) / 2), 0.8 * level) for i, rule in enumerate(row)}
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "handoff", "font.family": "sans-serif"}):
        widest = max(x for x, _ in places.values()) + 1.3
        figure = Figure(figsize=(2 * widest, 0.8 * max(floor.values()) + 0.8))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(-widest, widest), ylim=(-0.4, 0.8 * max(floor.values()) + 0.4))
        axes.axis("off")
        box = {"boxstyle": "round,pad=0.45", "facecolor": "#eef3f8", "edgecolor": "#4a6a8a"}
        boxes = {rule: axes.text(*at, rule, ha="center", va="center", bbox=box) for rule, at in places.items()}
        figure.draw_without_rendering()  # gives the boxes their size, at which arrows end
        for first, second in essential(edges):
            arrow = {"arrowstyle": "-|>", "color": "#4a6a8a", "patchA": boxes[first].get_bbox_patch(),
                     "patchB": boxes[second].get_bbox_patch()}  # fmt: skip
            axes.annotate("", places[second], places[first], arrowprops=arrow)
        text = "\n".join(f"{first} -> {second}" for first, second in edges)
        figure.savefig(path, metadata={"Date": None, "Title": "The rules of Handoff", "Description": text})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the drawing to write, as docs/rulegraph.svg")
    arguments = parser.parse_args()
    # --cores: rules that take the whole machine cannot be planned without a number.
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--rulegraph", "dot"]
    dot = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    draw(*read_graph(dot), arguments.out)


if __name__ == "__main__":
    main()

"""Polars' own threads: the frame is converted where it is, nothing is handed over, and every core works on it."""

import pandas as pd
import polars as pl


def work(data: pl.DataFrame) -> float:
    groups = data.group_by("group").agg(pl.col("number").sum())
    return float(groups["number"].sum())  # your function, written for Polars


if __name__ == "__main__":
    payload = pd.DataFrame({"number": range(1_000_000), "group": list(range(1000)) * 1000})  # your data
    # Columns of numbers are not copied. POLARS_MAX_THREADS in the environment says how many threads Polars has.
    print(work(pl.from_pandas(payload)))

"""Measuring: what runs on the clock, and who watches it.

worker.py       what a worker does: the one function that is ever submitted
channel.py      marks that tell when a channel pickles
gate.py         makes each of N workers take one call
usage.py        processor time, faults and memory of processes, from /proc
transfers.py    one transfer of each pattern: the clock
invocation.py   the measured process: start workers, make transfers, prove delivery
supervisor.py   starts that process, limits it, ends it, sweeps what it left
"""

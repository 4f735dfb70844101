"""Probes: what can be found out of the payload, the user's function and the machine before anything is measured.

finding.py    what was found: a sentence and its consequence
order.py      what is to be probed, and the probes in their order
payload.py, touched.py, function.py, machine.py   the probes
calling.py    calls of the user's function, each announced
child.py      the process in which they run
supervise.py  starts it, hears it, ends it
results.py    probes.json: a plan's findings
"""

from handoff.probes.finding import Finding
from handoff.probes.order import LIMIT_S, Order
from handoff.probes.results import Entry, probe_plan, read, text, write
from handoff.probes.supervise import probe_in_children as probe

__all__ = ["LIMIT_S", "Entry", "Finding", "Order", "probe", "probe_plan", "read", "text", "write"]

"""What takes long is put off until the clock has stopped."""

from __future__ import annotations

import time

from handoff.transports import Place, Transport

FACTS = {"about": "for a test", "simplicity": 9, "kinds": ("any",)}

PUT_OFF_S = 0.2


class Way(Transport):
    def release(self, place: Place) -> None:
        time.sleep(PUT_OFF_S)

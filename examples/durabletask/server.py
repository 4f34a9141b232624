"""A Durable Task server in memory, for the example. In its place: the Durable Task Scheduler, or its emulator.

    server.py PORT
"""

import sys
import time

from durabletask.testing import InMemoryOrchestrationBackend

print("serves at", InMemoryOrchestrationBackend(port=int(sys.argv[1])).start(), flush=True)
while True:
    time.sleep(3600)

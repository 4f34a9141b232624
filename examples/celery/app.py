"""A Celery application like any other. The two lines about taskhost describe all its tasks."""

import os
import time

from celery import Celery
from taskhost_schema import schema_of

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("reports", broker=REDIS, backend=REDIS)
app.conf.task_track_started = True
app.conf.broker_connection_retry_on_startup = True
app.Task.mcp = property(schema_of)


@app.task(bind=True)
def generate_report(self, user_id: str) -> dict:
    """Generate the sales report of one user. Takes about six seconds."""
    for progress in (0.25, 0.60, 0.90):
        self.update_state(state="PROGRESS", meta={"progress": progress, "message": f"reading the orders of {user_id}"})
        time.sleep(2)
    return {"user_id": user_id, "revenue": 42000, "items": 17}

"""A Durable Task worker like any other: one orchestration of four activities. Nothing here knows of taskhost.

    worker.py HOST:PORT
"""

import sys
import time

from durabletask import task, worker

STAGES = ["load", "clean", "analyse", "summarise"]


def stage(ctx: task.ActivityContext, arguments: dict) -> str:
    time.sleep(1)
    return f"{arguments['stage']} {arguments['dataset']}"


def long_running_analysis(ctx: task.OrchestrationContext, arguments: dict) -> dict:
    done = []
    for number, name in enumerate(STAGES):
        ctx.set_custom_status({"current": number, "total": len(STAGES), "message": f"{name} {arguments['dataset']}"})
        done.append((yield ctx.call_activity(stage, input={"stage": name, **arguments})))
    return {"dataset": arguments["dataset"], "stages": done}


with worker.TaskHubGrpcWorker(host_address=sys.argv[1], secure_channel=False) as here:
    here.add_activity(stage)
    here.add_orchestrator(long_running_analysis)
    here.start()
    print("at work", flush=True)
    while True:
        time.sleep(3600)

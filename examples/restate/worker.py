"""A Restate service like any other: the steps of an order, each of which is done once.

    python worker.py PORT
"""

import asyncio
import sys

import hypercorn.asyncio
import hypercorn.config
import restate
from pydantic import BaseModel

orders = restate.Service("orders")


class Order(BaseModel):
    film: str
    copies: int = 1


class Receipt(BaseModel):
    film: str
    steps: list[str]


@orders.handler()
async def ship(ctx: restate.Context, order: Order) -> Receipt:
    """Copies a film, packs it and sends it off."""
    done = []
    for step in ("copy", "pack", "send"):

        async def work(step: str = step) -> str:
            print(f"{step} {order.film}", flush=True)
            await asyncio.sleep(2)
            return step

        done.append(await ctx.run_typed(step, work))
    return Receipt(film=order.film, steps=done)


@orders.handler()
async def gift(ctx: restate.Context, order: Order) -> str:
    """Ships a film with a card, whose words somebody has to say."""
    awakeable, card = ctx.awakeable()
    question = {"awakeable": awakeable, "message": f"What is to be on the card with {order.film}?"}
    await ctx.run_typed("taskhost.ask", lambda: question)
    return f"{order.film}, with a card: {(await card)['answer']}"


app = restate.app([orders])

if __name__ == "__main__":
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    asyncio.run(hypercorn.asyncio.serve(app, config))

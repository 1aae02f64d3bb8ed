"""The other floor: GETs by a bare httpx2 client, without any server between.

Each line on stdin asks for some: `CUSTOMER IN_FLIGHT CALLS`; a line of JSON tells how many seconds each one took, and
all of them together.
"""

import asyncio
import json
import os
import sys
import time

import httpx2


async def get_all(customer: str, in_flight: int, calls: int) -> dict[str, object]:
    """Makes so many GETs, so many at a time."""
    took: list[float] = []
    left = iter(range(calls))
    limits = httpx2.Limits(max_connections=in_flight)
    async with httpx2.AsyncClient(base_url=os.environ["JUSPAY_BASE_URL"], limits=limits, timeout=30) as http:

        async def caller() -> None:
            for number in left:
                begun = time.perf_counter()
                await http.get(f"/customers/{customer}-{number}/wallets/refresh-balances")
                took.append(time.perf_counter() - begun)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(caller())
        return {"took": took, "seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    for line in sys.stdin:
        name, at_a_time, number = line.split()
        print(json.dumps(asyncio.run(get_all(name, int(at_a_time), int(number)))), flush=True)

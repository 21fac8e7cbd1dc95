"""A gateway worker to be killed: holds `large`, waits for one place more, and uses `draft` all the time."""

import asyncio
import sys
from pathlib import Path

from gpu_cascade.types import Request
from gpu_cascade.vram.credits.worker import CreditLeases

ASK = Request(())


async def main(socket):
    leases = CreditLeases(Path(socket))
    await leases.open()
    async with leases.lease("large", ASK), leases.lease("large", ASK):
        asyncio.ensure_future(leases.lease("large", ASK).__aenter__())  # noqa: RUF006 - dies with us
        await asyncio.gather(*(churn(leases, number) for number in range(3)))


async def churn(leases, number):
    """More requests than places: everything that can be said is said."""
    for count in range(10**9):
        async with leases.lease("draft", ASK):
            await asyncio.sleep(0)
        if count == 100 and not number:
            sys.stdout.write("busy\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

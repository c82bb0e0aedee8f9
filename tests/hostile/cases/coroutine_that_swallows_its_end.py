# expect: timeout
import asyncio


async def f(x):
    while True:
        try:
            await asyncio.sleep(0.01)
        except BaseException:
            pass

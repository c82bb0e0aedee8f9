# expect: unencodable
async def later(x):
    return x + 1


def f(x):
    return [later(x)]

# expect: unencodable
class Items(list):
    def __iter__(self):
        return iter([1, 2, 3])

    def __len__(self):
        raise SystemExit


def f(x):
    return Items()

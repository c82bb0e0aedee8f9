# expect: unencodable
class Int(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def f(x):
    return Int(7)

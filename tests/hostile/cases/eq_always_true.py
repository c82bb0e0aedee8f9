# expect: unencodable
class Yes:
    def __eq__(self, other):
        return True

    __hash__ = None


def f(x):
    return Yes()

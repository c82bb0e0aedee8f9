# expect: unencodable
class Text(str):
    def __eq__(self, other):
        return True

    def __len__(self):
        return 0

    __hash__ = str.__hash__


def f(x):
    return [Text("lie")]

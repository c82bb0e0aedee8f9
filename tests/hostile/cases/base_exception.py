# expect: exception
class Odd(BaseException):
    def __str__(self):
        raise Odd

    @property
    def __traceback__(self):
        raise Odd


def f(x):
    raise Odd

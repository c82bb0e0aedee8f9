from itertools import accumulate


def lowest_balance(start, movements):
    return min(accumulate(movements, initial=start))

from bisect import bisect_left


def insert_position(numbers, wanted):
    return bisect_left(numbers, wanted)

import math


def check(candidate):
    assert candidate([]) == 0.0
    assert math.isclose(candidate([(4, 2), (10, 2)]), 7.0)
    assert math.isclose(candidate([(6, 1)]), 6.0)
    assert math.isclose(candidate([(3, 1), (6, 2)]), 5.0)
    assert math.isclose(candidate([(8, 3), (4, 5)]), 5.5)

def check(candidate):
    assert candidate([], 3) == 0
    assert candidate([1, 2, 3], 3) == 0
    assert candidate([2, 9, 4], 3) == 13
    assert candidate([8, 1, 5], 3) == 13
    assert candidate([10], 3) == 10
    assert candidate([4, 4, 4], 3) == 12

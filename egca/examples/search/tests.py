assert insert_position([], 5) == 0
assert insert_position([5, 6, 7, 8], 1) == 0
assert insert_position([1, 3, 5], 4) == 2
assert insert_position([1, 3, 5, 7], 8) == 4
assert insert_position([2, 2, 2], 2) == 0

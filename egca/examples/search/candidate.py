def insert_position(numbers, wanted):
    """Index at which `wanted` keeps the sorted numbers sorted, before equal ones."""
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] < wanted:
            low = middle
        else:
            high = middle
    return low

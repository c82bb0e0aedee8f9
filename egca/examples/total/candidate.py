def total_above(values, limit):
    """Sum of the values that are above the limit."""
    total = 0
    for i in range(1, len(values)):
        if values[i] > limit:
            total += values[i]
    return total

def weighted_average(pairs):
    """Average of the values, each counted by its weight; 0.0 when there are none."""
    if not pairs:
        return 0.0
    total = 0
    weight_sum = 0
    for value, weight in pairs:
        total += value * weight
        if weight > 1:
            weight_sum += weight
    return total / weight_sum

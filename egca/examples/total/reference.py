def total_above(values, limit):
    found = [value for value in values if value > limit]
    total = 0
    for value in found:
        total = total + value
    return total

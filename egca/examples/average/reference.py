def weighted_average(pairs):
    weights = [weight for _, weight in pairs]
    if not weights:
        return 0.0
    return sum(value * weight for value, weight in pairs) / sum(weights)

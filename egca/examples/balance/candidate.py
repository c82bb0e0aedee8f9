def lowest_balance(start, movements):
    """Smallest balance of an account while the movements are booked, the start included."""
    balance = start
    lowest = 0
    for amount in movements:
        balance += amount
        if balance < lowest:
            lowest = balance
    return lowest

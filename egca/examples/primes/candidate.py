def primes_up_to(limit):
    """All primes up to and including the limit, by trial division."""
    primes = []
    for number in range(2, limit + 1):
        is_prime = True
        for prime in primes:
            if prime * prime >= number:
                break
            if number % prime == 0:
                is_prime = False
                break
        if is_prime:
            primes.append(number)
    return primes

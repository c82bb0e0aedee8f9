assert primes_up_to(3) == [2, 3]
assert primes_up_to(10) == [2, 3, 5, 7]
assert primes_up_to(1) == []
assert primes_up_to(30) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]

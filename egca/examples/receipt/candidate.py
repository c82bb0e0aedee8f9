import sys


def main():
    """Read lines "name quantity price"; print the price of each, then the sum."""
    total = 0
    for line in sys.stdin:
        name, quantity, price = line.split()
        amount = int(quantity) * int(price)
        print(name, amount)
        total = amount
    print("total", total)


main()

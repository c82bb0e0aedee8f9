rows = []
while True:
    try:
        name, quantity, price = input().split()
    except EOFError:
        break
    rows.append((name, int(quantity) * int(price)))
for name, amount in rows:
    print(f"{name} {amount}")
print(f"total {sum(amount for _, amount in rows)}")

# expect: unencodable
def f(x):
    items = [x]
    items.append({"self": items})
    return items

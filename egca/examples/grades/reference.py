BOUNDS = [(90, "A"), (75, "B"), (50, "C"), (0, "F")]


def letter_grades(scores):
    return [next(letter for bound, letter in BOUNDS if score >= bound) for score in scores]

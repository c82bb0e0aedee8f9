def letter_grades(scores):
    """Letter for each score: A from 90, B from 75, C from 50, else F."""
    letters = []
    for score in scores:
        if score >= 90:
            letter = "A"
        elif score > 75:
            letter = "B"
        elif score >= 50:
            letter = "C"
        else:
            letter = "F"
        letters.append(letter)
    return letters

import pytest


@pytest.mark.parametrize(
    ("start", "movements", "expected"),
    [
        (100, [-30, 20, -110], -20),
        (0, [5, -9, 2], -4),
        (50, [-20, 10], 30),
        (7, [], 7),
        (3, [1, 1, 1], 3),
    ],
)
def test_lowest_balance(start, movements, expected):
    assert lowest_balance(start, movements) == expected

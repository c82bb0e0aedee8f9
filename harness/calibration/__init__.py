"""Scripts that set a constant from data and write what it rests on to results/measured."""

"""Write a data set for verl: a row a problem, with prompt, tests, reference and constraints.

python examples/verl/prepare.py DATASET FILE.parquet

DATASET: a name or file, as `egca data info` takes it. Problems without a reference are left out.
"""

import argparse
from pathlib import Path

from egca.errors import EgcaError
from egca.integrations.verl_data import rows_of_problems, write_rows
from egca.problems import load_dataset

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("dataset", help="name or file")
parser.add_argument("file", type=Path, help="of Parquet, to be written")
parser.add_argument("--no-constraints", action="store_true", help="plain prompts, I_C = 1")
options = parser.parse_args()
try:
    problems = [p for p in load_dataset(options.dataset) if p.reference is not None]
    rows = rows_of_problems(problems, with_constraints=not options.no_constraints)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    write_rows(rows, options.file)
except EgcaError as error:
    parser.exit(2, f"prepare.py: error: {error}\n")

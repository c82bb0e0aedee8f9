"""What every test may use: golden files, the data beside the repository, a model of two layers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# On a busy machine a slow example is no failure; tests with a time limit say so themselves.
settings.register_profile("egca", deadline=None)
# Of a mutant it matters whether a test fails, not by which smallest example.
settings.register_profile("mutant", deadline=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutant" if "MUTANT_UNDER_TEST" in os.environ else "egca")

N_TASKS = 4  # that the student knows
SHARED = Path(__file__).resolve().parents[2] / "shared"

Golden = Callable[[str, str], None]

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="rewrite the golden files of rendered text instead of comparing with them",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with the file golden/NAME beside the test; `--golden` writes it instead."""
    folder = request.path.parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--golden"):
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.exists(), f"{path} is missing: make golden, and read what it writes"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: make golden"

    return check


@pytest.fixture
def shared() -> Path:
    """The folder of shared data; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llama of two layers that was never trained, with a tokenizer of ASCII bytes.

    Its replies are noise, but they differ from prompt to prompt, and some end before max_tokens.
    """
    torch = pytest.importorskip("torch", reason='needs the extra "train" (make test, Python 3.11)')
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder = tmp_path_factory.mktemp("models") / "tiny"
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=160,
        special_tokens=["<|end|>", "<|user|>", "<|system|>", "<|assistant|>"],
        initial_alphabet=[*map(chr, range(33, 127)), "Ġ", "Ċ", "ĉ"],
        show_progress=False,
    )
    bpe.train_from_iterator(["def total(values):\n    return sum(values)\n"] * 3, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        initializer_range=0.3,  # wide, so that no two scores are nearly equal
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a student made in seconds: it knows four tasks by heart, faults included."""
    torch = pytest.importorskip("torch", reason="needs the extra train")

    from egca.training.tiny import Student, student_folder

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    what = Student(
        family="easy", fault_rate=0.3, hidden=64, layers=2, heads=2, vocabulary=300,
        steps=120, batch_size=16, n_tasks=N_TASKS, learning_rate=1e-2,
    )  # fmt: skip
    folder = student_folder(what, tmp_path_factory.mktemp("students"))
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="session")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of the tasks that the student knows."""
    from egca.problems import row_of
    from egca.problems.generated import FAMILIES

    file = tmp_path_factory.mktemp("problems") / "tasks.jsonl"
    tasks = [FAMILIES["easy"].task("train", 1_000_000 + i) for i in range(N_TASKS)]
    file.write_text("".join(json.dumps(row_of(task.problem)) + "\n" for task in tasks))
    return file

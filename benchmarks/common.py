"""What the benchmarks share: the machine in words, results as JSON, texts to embed."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores, memory and versions."""
    import psutil
    import torch
    import transformers

    from rag_pipeline.embeddings.local.hardware import cpu_has_bfloat16

    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "bfloat16_instructions": cpu_has_bfloat16(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def write_result(name: str, content: dict[str, Any]) -> None:
    """Print where the JSON went."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    stamped = {"benchmark": name, "when": datetime.now(UTC).isoformat(timespec="seconds"), **content}
    file.write_text(json.dumps(stamped, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {file}")


def print_table(title: str, rows: list[dict[str, Any]]) -> None:
    """A table of like rows."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for heading in rows[0]:
        table.add_column(heading, justify="left" if isinstance(rows[0][heading], str) else "right")
    for row in rows:
        table.add_row(*(f"{value:,.3g}" if isinstance(value, float) else f"{value}" for value in row.values()))
    Console(width=120).print(table)


def korean_passages(korquad: Path | None) -> list[str]:
    """Korean passages: those of a KorQuAD 1.0 file, or else passages put together from the ship documents."""
    if korquad is not None:
        content = json.loads(korquad.read_text(encoding="utf-8"))
        return [paragraph["context"] for article in content["data"] for paragraph in article["paragraphs"]]
    ships = Path(__file__).parent.parent / "documents" / "ships"
    sentences = [
        sentence.strip() + "."
        for file in sorted(ships.glob("*.md"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
        for sentence in line.split(". ")
    ]
    # Windows of many lengths over the same sentences; no two passages are alike.
    return [
        " ".join(sentences[(start + step) % len(sentences)] for step in range(length))
        for length in range(3, 15)
        for start in range(len(sentences))
    ]

"""Files that only their owner may read: a secret, and whatever holds identifiers in clear."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import IO


def open_own(path: Path, mode: str) -> IO[bytes]:
    """Open for writing: "wb" anew, "ab" to add, "xb" only where there is none (FileExistsError). What is there keeps its permissions."""
    return open(path, mode, opener=partial(os.open, mode=0o600))

"""Put a model into the page: ``python web/model.py MODEL.tflite``, as ``make web`` does.

This script copies the file and writes ``public/model/model.json``, which has everything that the
page knows about the model. It needs only Python's standard library.
"""

import hashlib
import json
import shutil
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent / "public/model"
ENTRY = "tfaudiogan.json"


def main(source: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            metadata = json.loads(archive.read(ENTRY))
    except (OSError, KeyError, zipfile.BadZipFile):
        sys.exit(f"{source} is not a .tflite file of `tfaudiogan export` (no {ENTRY} in it)")
    content = source.read_bytes()
    # The name depends on the content, so that no cache returns an old model.
    file = f"{source.stem}-{hashlib.sha256(content).hexdigest()[:8]}.tflite"
    card = {"name": source.parent.name, "file": file, "bytes": len(content), **metadata}
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / file).write_bytes(content)
    (FOLDER / "model.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python web/model.py MODEL.tflite")
    main(Path(sys.argv[1]).resolve())

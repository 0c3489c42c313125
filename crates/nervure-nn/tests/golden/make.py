"""Writes golden files: what Keras computes, in double precision, for the words that the crate has under the same names and settings.

    pip install keras==3.15.1 jax==0.10.2 tensorflow==2.21.0
    python make.py [NAME…]          layers/core, losses, …; all, where none is named

NAME.py prints NAME.json. It is run by hand, where a word is added or a case; the versions stand in the files.
"""
import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).parent
scripts = [s for folder in [here, here / "layers"] for s in sorted(folder.glob("*.py")) if s.stem not in ["common", "make"]]
chosen = [here / f"{name}.py" for name in sys.argv[1:]] or scripts
for script in chosen:
    print(script.relative_to(here), file=sys.stderr)
    printed = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, check=True, env=os.environ | {"PYTHONPATH": str(here)})
    script.with_suffix(".json").write_bytes(printed.stdout)

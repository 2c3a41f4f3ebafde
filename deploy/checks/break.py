"""Replaces one text of a file by another, and fails where it is not there exactly once: a mutation that changes nothing would
show a check to be blind that is not.

    break.py FILE FROM TO
"""

import sys
from pathlib import Path

file, old, new = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
text = file.read_text()
if text.count(old) != 1:
    sys.exit(f"break: `{old}` stands {text.count(old)} times in {file}")
file.write_text(text.replace(old, new))

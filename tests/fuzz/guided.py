"""Let atheris look for bytes that break a target: `python -m tests.fuzz.guided TARGET CORPUS_FOLDER -runs=100000 …`.

libFuzzer bounds time and memory of each input; what it finds is told on the error stream, and the process ends with a
number other than 0.
"""

import os
import sys


def main() -> None:
    """Look in a child, whose memory is counted from its own start: what is executed inherits its starter's peak."""
    if child := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    look()


def look() -> None:
    """Instrument what is tested, then look until the runs are used up."""
    import atheris
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.config.settings")
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["gatepost"]):
        django.setup()
        from tests.fuzz.targets import TARGETS
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

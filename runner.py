"""The command line: ``python runner.py --help``."""

import sys

from pipeline.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

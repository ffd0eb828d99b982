"""Runs the tests of the images that deploy/images/build made in CHATKEEP_IMAGES; as root.

The last line says what came out of it, as cargo's runner does.
"""

import sys
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

sys.path.insert(0, str(FOLDER))
result = unittest.TextTestRunner(verbosity=2).run(unittest.TestLoader().discover(str(FOLDER)))
bad = len({str(test).split(" [")[0] for test, _ in result.failures + result.errors})
good = result.testsRun - bad
print(f"test result: {'ok' if result.wasSuccessful() else 'FAILED'}. {good} passed; {bad} failed")
sys.exit(not result.wasSuccessful())

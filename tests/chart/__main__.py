"""Runs the tests of the chart, or those that are named: python3 tests/chart [NAME...]

The last line says what came out of it, as cargo's runner does.
"""

import sys
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

sys.path.insert(0, str(FOLDER))
loader = unittest.TestLoader()
if sys.argv[1:]:
    suite = loader.loadTestsFromNames(sys.argv[1:])
else:
    suite = loader.discover(str(FOLDER), pattern="test_*.py")
result = unittest.TextTestRunner(verbosity=2).run(suite)
bad = len({str(test).split(" [")[0] for test, _ in result.failures + result.errors})
good = result.testsRun - bad
print(f"test result: {'ok' if result.wasSuccessful() else 'FAILED'}. {good} passed; {bad} failed")
sys.exit(not result.wasSuccessful())

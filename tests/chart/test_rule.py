"""The rule of the chart's scalers, as tests/scaling applies it to processes."""

import sys
import unittest
from pathlib import Path

from chart import named, objects

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scaling"))

from rule import Rule, Scaler  # noqa: E402

VALUES = {
    "defaults": {"autoscaling": {"type": "keda"}},
    "queue": {"management": {"url": "http://rabbitmq:15672"}},
}


def scaler(component="conversion", **changes):
    values = VALUES | {"services": {component: {"autoscaling": changes}}}
    return Scaler(Rule.of(named(objects(values=values), "ScaledObject", component)))


class Rules(unittest.TestCase):
    def test_a_queue_adds_pods_up_to_the_limit_and_no_more_than_the_autoscaler_does(self):
        one = scaler(maxReplicas=20)

        self.assertEqual(one.decide(0, 4, 1), 1)
        self.assertEqual(one.decide(15, 500, 1), 5)
        self.assertEqual(one.decide(30, 500, 5), 10)
        self.assertEqual(one.decide(60, 500, 18), 20)

    def test_pods_go_one_by_one_and_only_after_the_window(self):
        one = scaler()
        one.decide(0, 16, 4)

        self.assertEqual(one.decide(299, 0, 4), 4)
        self.assertEqual(one.decide(301, 0, 4), 3)
        self.assertEqual(one.decide(316, 0, 3), 3)
        self.assertEqual(one.decide(361, 0, 3), 2)
        self.assertEqual(one.decide(421, 0, 2), 1)
        self.assertEqual(one.decide(999, 0, 1), 1)

    def test_messages_in_work_keep_a_pod(self):
        self.assertTrue(scaler().rule.counts_unacknowledged)

    def test_the_first_message_wakes_a_stage_and_the_last_pod_goes_after_the_cooldown(self):
        one = scaler(minReplicas=0)

        self.assertEqual(one.decide(0, 0, 0), 0)
        self.assertEqual(one.decide(15, 1, 0), 1)
        self.assertEqual(one.decide(30, 0, 1), 1)
        self.assertEqual(one.decide(400, 0, 1), 0)


if __name__ == "__main__":
    unittest.main()

"""The rule of a ScaledObject, applied as KEDA and the horizontal pod autoscaler apply it.

KEDA hands the length of the queue to the autoscaler as a metric of type AverageValue. The autoscaler wants
ceil(length / value) pods, ignores differences of up to a tenth, adds at most as many pods as there are, or
four, in 15 s, and removes by the behaviour that the object states (Kubernetes, "Horizontal Pod
Autoscaling": algorithm details, default behavior).
"""

import math
from dataclasses import dataclass, field

TOLERANCE = 0.1


@dataclass
class Rule:
    """What a ScaledObject says. Times in seconds."""

    queue: str
    value: int
    least: int
    most: int
    interval: float
    window: float
    pause: float
    cooldown: float
    counts_unacknowledged: bool

    @classmethod
    def of(cls, scaled, speed=1):
        """Reads a rendered ScaledObject; its waits are `speed` times as short."""
        spec = scaled["spec"]
        (trigger,) = spec["triggers"]
        metadata = trigger["metadata"]
        if (trigger["type"], metadata["protocol"], metadata["mode"]) != ("rabbitmq", "http", "QueueLength"):
            raise ValueError(f"not a rule by the length of a queue: {trigger}")
        behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        (policy,) = behaviour["policies"]
        if (policy["type"], policy["value"]) != ("Pods", 1):
            raise ValueError(f"removes not one pod at a time: {policy}")
        return cls(
            queue=metadata["queueName"],
            value=int(metadata["value"]),
            least=spec["minReplicaCount"],
            most=spec["maxReplicaCount"],
            interval=spec["pollingInterval"] / speed,
            window=behaviour["stabilizationWindowSeconds"] / speed,
            pause=policy["periodSeconds"] / speed,
            cooldown=spec["cooldownPeriod"] / speed,
            counts_unacknowledged=metadata["excludeUnacknowledged"] == "false",
        )


@dataclass
class Scaler:
    """Decides how many pods there shall be, look by look."""

    rule: Rule
    wanted: list = field(default_factory=list)
    removed: float = -math.inf
    busy: float = 0

    def decide(self, now, length, pods):
        """How many pods at this time, with so many messages and so many pods."""
        rule = self.rule
        if length:
            self.busy = now
        if pods == 0:
            # From the first message on: `activationValue` is 0.
            return max(1, rule.least) if length else rule.least
        if rule.least == 0 and not length:
            # KEDA's own part: the last pod goes after the cooldown.
            return 0 if now - self.busy >= rule.cooldown else pods
        within = abs(length / (pods * rule.value) - 1) <= TOLERANCE
        want = pods if within else math.ceil(length / rule.value)
        want = min(max(want, rule.least, 1), rule.most)
        self.wanted = [(at, wish) for at, wish in self.wanted if now - at < rule.window] + [(now, want)]
        if want > pods:
            return min(want, pods + max(pods, 4))
        # The most that was wanted within the window: a short lull removes nobody.
        want = max(wish for _, wish in self.wanted)
        if want < pods and now - self.removed >= rule.pause:
            self.removed = now
            return pods - 1
        return pods

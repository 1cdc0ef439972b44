"""The judgement of a new model, and how traffic is shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientage.cloud.traffic import scaled, shared
from clientage.deployment.canary import Answer, judge, through
from clientage.errors import CloudError, GateError
from clientage.settings.google import Deploy

SAMPLES = [{"recency_days": 1.0}]
LIMITS = Deploy(checks=20, canary=10, max_errors=0.1, max_seconds=0.5)


class Target:
    """Answers as told, and notes what is done with it."""

    def __init__(self, answers, *, alone=False, fails=()):
        self.new, self.alone, self.done = "new", alone, []
        self._answers, self._fails = iter(answers), fails

    def ask(self, body):
        assert body == b'{"instances":[{"recency_days":1.0}]}'
        return next(self._answers)

    def give(self, percent):
        self.done.append(percent)
        if percent in self._fails:
            raise CloudError("refused", "no permission")

    def trust(self):
        self.give("all")

    def back(self):
        self.done.append("back")

    after = "The others have all traffic."


def answers(*few):
    """These again and again."""
    while True:
        yield from few


def judged(*few, share=10):
    return judge(Target(answers(*few)), SAMPLES, LIMITS, share, lambda sentence: None)


WELL, OLD = Answer(0.1, by="new"), Answer(0.1, by="old")


def test_only_what_the_new_model_answers_counts():
    slow_old = Answer(9.0, "HTTP 500", by="old")
    health = judged(WELL, *[slow_old] * 9)
    assert (health.healthy, health.asked, health.answered, health.errors, health.p95) == (True, 191, 20, 0, 0.1)
    assert str(health) == "20 predictions by the new model, 0 failed, 95 in 100 within 0.100 s"


def test_failures_that_do_not_say_whose_they_are_count_against_the_new_one():
    health = judged(WELL, Answer(0.1, "ConnectionError"))
    assert health.problems == ("3 of 6 failed, above 10.0% of the checks",)
    assert health.first_error == "ConnectionError"


def test_as_many_may_fail_as_the_limit_says():
    assert judged(*[WELL] * 9, Answer(0.1, "HTTP 500", by="new"), share=100).healthy
    assert not judged(*[WELL] * 4, Answer(0.1, "HTTP 500", by="new"), share=100).healthy


def test_95_in_100_decide():
    slow = Answer(3.0, by="new")
    assert judged(*[WELL] * 19, slow, share=100).healthy
    assert judged(*[WELL] * 9, slow, share=100).problems == ("95 in 100 took up to 3.000 s, above 0.5 s",)


def test_a_model_that_nobody_reaches_is_not_healthy():
    health = judged(OLD)
    assert health.problems == ("only 0 of 600 requests came to it, below 20 checks",)
    assert health.p95 is None


def test_a_healthy_model_gets_its_share_and_then_all():
    target = Target(answers(WELL))
    through(target, SAMPLES, LIMITS, direct=False, say=lambda sentence: None)
    assert target.done == [10, "all"]
    alone = Target(answers(WELL), alone=True)
    through(alone, SAMPLES, LIMITS, direct=False, say=lambda sentence: None)
    assert alone.done == [100, "all"]


@pytest.mark.parametrize(
    ("target", "error", "done"),
    [
        (Target(answers(Answer(0.1, "HTTP 500", by="new"))), GateError, [10, "back"]),
        (Target(answers(WELL), fails=(10,)), CloudError, [10, "back"]),
        (Target(answers(WELL), fails=("all",)), CloudError, [10, "all", "back"]),
    ],
)
def test_what_goes_wrong_is_taken_back(target, error, done):
    with pytest.raises(error):
        through(target, SAMPLES, LIMITS, direct=False, say=lambda sentence: None)
    assert target.done == done


def test_an_interrupt_is_taken_back():
    def interrupted():
        yield WELL
        raise KeyboardInterrupt

    target = Target(interrupted())
    with pytest.raises(KeyboardInterrupt):
        through(target, SAMPLES, LIMITS, direct=False, say=lambda sentence: None)
    assert target.done == [10, "back"]


shares = st.dictionaries(st.text("abc", min_size=1), st.integers(0, 100), max_size=5)


@given(shares, st.integers(1, 100))
def test_shares_are_whole_and_as_many_together_as_asked(split, total):
    found = scaled(split, total)
    assert sum(found.values()) == (total if any(split.values()) else 0)
    assert all(share > 0 for share in found.values())
    assert set(found) <= {name for name, share in split.items() if share}


@given(shares, st.integers(1, 100))
def test_traffic_is_never_short_of_all_of_it(split, percent):
    found = shared(split, "new", percent)
    assert sum(found.values()) == 100
    others = any(split.values())
    assert found["new"] == (percent if others else 100)


def test_others_keep_their_proportions():
    assert shared({"1": 90, "2": 10}, "3", 10) == {"3": 10, "1": 81, "2": 9}

"""Notices on their way to real receivers: once each, later where a target is away, and no secret anywhere."""

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivers import Hook
from shops import free_port

from clientage.errors import SettingsError, WorkspaceError
from clientage.monitoring.alerts import AWAY, Delivered, Post, Quiet, announce, notify
from clientage.monitoring.episodes import Episode
from clientage.monitoring.notices import Sender
from clientage.monitoring.targets import Target, of_environment, send

NOW = datetime(2011, 10, 24, 9, 0, tzinfo=timezone(timedelta(hours=1)))
GOES_ON = Episode(date(2011, 10, 3), date(2011, 10, 17), None, 3, "orders: 38 % more than expected")
OVER = replace(GOES_ON, resolved=date(2011, 10, 24))
OPENED, RESOLVED = (
    "your customers are changing since 2011-10-03", "your customers are as expected again since 2011-10-24"
)  # fmt: skip
AT_ONCE = Post(retries=0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "monitor" / "alerts.json"


@pytest.fixture
def tell(path):
    """Tell targets of an episode."""

    def run(episode, *targets, now=NOW, post=AT_ONCE):
        given_ = [episode] if episode else []
        through = (episode.resolved or episode.last) if episode else date(2011, 9, 26)
        return notify(given_, path, list(map(Target.of, targets)), now, through=through, post=post)

    return run


def kinds(deliveries):
    return [(found.target.partition(" ")[0], found.kind) for found in deliveries]


# Delivered


def test_a_notice_goes_once_to_each_target_and_so_does_the_end(hook, mailbox, tell):
    targets = hook.address, mailbox.address
    assert kinds(tell(GOES_ON, *targets).sent) == [("json", "opened"), ("mailto", "opened")]
    assert tell(GOES_ON, *targets) == Delivered()
    assert tell(replace(GOES_ON, last=date(2011, 10, 20), windows=4), *targets) == Delivered()
    assert kinds(tell(OVER, *targets).sent) == [("json", "resolved"), ("mailto", "resolved")]
    assert tell(OVER, *targets) == Delivered()
    assert hook.titles == [OPENED, RESOLVED]
    assert [mail["Subject"] for mail in mailbox.got] == [OPENED, RESOLVED]
    assert [notice["type"] for notice in hook.got] == ["warning", "success"]


def test_the_same_again_leaves_the_record_byte_for_byte(hook, tell, path):
    tell(GOES_ON, hook.address)
    before = path.read_bytes()
    tell(GOES_ON, hook.address, now=NOW + timedelta(days=1))
    assert path.read_bytes() == before


def test_the_record_says_what_was_told_when(hook, tell, path):
    tell(GOES_ON, hook.address)
    (known,) = json.loads(path.read_text())["targets"].values()
    assert known == {
        "scheme": "json",
        "through": "2011-10-17",
        "episodes": {
            "2011-10-03": {
                "last": "2011-10-17", "said": "opened", "at": "2011-10-24T09:00:00+01:00", "waits": None, "why": "",
                "tries": 0,
            }
        },
    }  # fmt: skip


def test_a_new_target_is_told_what_goes_on(hook, tell):
    with Hook() as later:
        tell(GOES_ON, hook.address)
        tell(GOES_ON, hook.address, later.address)
        assert (hook.titles, later.titles) == ([OPENED], [OPENED])


def test_without_targets_nothing_is_done(path):
    assert notify([GOES_ON], path, (), NOW, through=None) == Delivered()
    assert not path.parent.exists()


def test_what_was_told_and_is_no_more_is_withdrawn(hook, tell):
    tell(GOES_ON, hook.address)
    assert kinds(tell(None, hook.address).sent) == [("json", "resolved")]
    assert hook.titles == [OPENED, "the change of 2011-10-03 is withdrawn"]


# Away


def test_a_target_that_is_away_does_not_keep_others_waiting_and_hears_later(hook, tell, path):
    port = free_port()
    away = f"json://127.0.0.1:{port}/"
    done = tell(GOES_ON, away, hook.address)
    assert (kinds(done.sent), [(found.kind, found.why) for found in done.waiting]) == (
        [("json", "opened")], [("opened", AWAY)],
    )  # fmt: skip
    told = json.loads(path.read_text())["targets"][Target.of(away).mark]["episodes"]["2011-10-03"]
    assert (told["said"], told["waits"], told["why"], told["tries"]) == (None, "opened", AWAY, 1)
    tell(GOES_ON, away, hook.address)
    with Hook(port) as back:
        assert kinds(tell(GOES_ON, away, hook.address).sent) == [("json", "opened")]
        assert (back.titles, hook.titles) == ([OPENED], [OPENED])
    told = json.loads(path.read_text())["targets"][Target.of(away).mark]["episodes"]["2011-10-03"]
    assert (told["said"], told["waits"], told["why"], told["tries"]) == ("opened", None, "", 0)


def test_it_is_tried_again_with_growing_waits(tell):
    waits = []
    with Hook(refuses=2) as busy:
        done = tell(GOES_ON, busy.address, post=Post(retries=3, pause=2, wait=waits.append))
        assert (kinds(done.sent), busy.titles) == ([("json", "opened")], [OPENED])
    assert waits == [2, 4]


def test_every_target_has_its_turn_before_any_is_waited_for(hook, tell):
    had, away = [], f"json://127.0.0.1:{free_port()}/"
    with Hook(refuses=1) as busy:
        post = Post(
            retries=2, pause=2, wait=lambda seconds: had.append((seconds, list(hook.titles), list(busy.titles)))
        )
        done = tell(GOES_ON, away, busy.address, hook.address, post=post)
    assert had == [(2, [OPENED], []), (4, [OPENED], [OPENED])]
    assert ([sent.target for sent in done.sent], len(done.waiting)) == (
        [Target.of(address).name for address in (hook.address, busy.address)], 1,
    )  # fmt: skip


def test_it_is_tried_no_more_often_than_asked(tell):
    waits = []
    with Hook(refuses=99) as busy:
        done = tell(GOES_ON, busy.address, post=Post(retries=3, pause=0.5, wait=waits.append))
        assert (done.sent, len(done.waiting), busy.refuses) == ((), 1, 95)
    assert waits == [0.5, 1, 2]


def test_an_end_that_comes_while_the_target_is_away_is_all_that_it_hears(tell):
    with Hook(refuses=1) as busy:
        tell(GOES_ON, busy.address)
        assert kinds(tell(OVER, busy.address).sent) == [("json", "resolved")]
        assert busy.titles == [RESOLVED]


def test_a_target_that_does_not_take_one_is_not_sent_the_next(path):
    episodes = [OVER, Episode(date(2011, 11, 7), date(2011, 11, 7))]
    with Hook() as busy:
        target = [Target.of(busy.address)]
        notify([GOES_ON], path, target, NOW, through=GOES_ON.last)
        busy.refuses = 1
        done = notify(episodes, path, target, NOW, through=date(2011, 11, 7), post=AT_ONCE)
        assert [(found.kind, found.why) for found in done.waiting] == [("resolved", AWAY), ("opened", AWAY)]
        assert busy.refuses == 0
        done = notify(episodes, path, target, NOW, through=date(2011, 11, 7), post=AT_ONCE)
        assert [found.kind for found in done.sent] == ["resolved", "opened"]


DYING = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from clientage.monitoring.alerts import notify
from clientage.monitoring.episodes import Episode
from clientage.monitoring.targets import of_environment
opened = date(2011, 10, 3)
notify([Episode(opened, opened)], Path(sys.argv[1]), of_environment(), datetime.now(UTC), through=opened)
"""


def test_what_dies_between_sending_and_recording_sends_again(hook, path):
    environment = os.environ | {"CLIENTAGE_ALERTS": hook.address}
    command = [sys.executable, "-c", DYING, str(path)]
    running = subprocess.Popen(command, env=environment)
    hook.then = lambda: os.kill(running.pid, signal.SIGKILL)  # the notice is here, and nobody hears so
    assert running.wait(60) == -signal.SIGKILL
    assert hook.titles == [OPENED]
    hook.then = lambda: None
    subprocess.run(command, env=environment, check=True, timeout=60)
    assert hook.titles == [OPENED, OPENED]
    subprocess.run(command, env=environment, check=True, timeout=60)
    assert len(hook.titles) == 2


def test_nothing_is_sent_where_it_cannot_be_recorded(hook, tmp_path):
    (tmp_path / "monitor").write_text("a file where the folder should be")
    with pytest.raises(WorkspaceError, match=r"alerts\.json: cannot be (read|written)"):
        notify([GOES_ON], tmp_path / "monitor" / "alerts.json", [Target.of(hook.address)], NOW, through=GOES_ON.last)
    assert hook.got == []


def test_a_full_disk_is_a_sentence_and_nothing_is_sent(hook, small_disk):
    (small_disk / "filling").write_bytes(b"x" * (2 << 20))
    with pytest.raises(WorkspaceError, match="cannot be written"):
        notify([GOES_ON], small_disk / "alerts.json", [Target.of(hook.address)], NOW, through=GOES_ON.last)
    assert hook.got == []


# Quiet hours


def test_notices_wait_until_quiet_hours_are_over(hook, tell, path):
    post = replace(AT_ONCE, quiet=Quiet(time(22), time(7)))
    night = tell(GOES_ON, hook.address, now=NOW.replace(hour=23), post=post)
    assert [(found.kind, found.why) for found in night.waiting] == [("opened", "quiet hours until 07:00")]
    assert (night.sent, hook.got) == ((), [])
    assert "quiet hours until 07:00" in path.read_text()
    assert tell(GOES_ON, hook.address, now=NOW.replace(hour=6, minute=59), post=post) == night
    assert kinds(tell(GOES_ON, hook.address, now=NOW.replace(hour=7), post=post).sent) == [("json", "opened")]
    assert hook.titles == [OPENED]


def test_quiet_hours_are_given_as_two_times_or_none():
    assert Quiet.of("22:00", "07:30") == Quiet(time(22), time(7, 30))
    assert Quiet.of("", "") is None


@given(st.times(), st.times(), st.times())
def test_of_two_times_one_holds_what_the_other_does_not(start, until, clock):
    now = datetime.combine(NOW.date(), clock, UTC)
    assert Quiet(start, until).holds(now) == (start != until and not Quiet(until, start).holds(now))
    assert not Quiet(start, start).holds(now)
    assert Quiet(clock, until).holds(now) == (clock != until)


# Words of data


def test_markup_is_text_in_a_mail(mailbox, tell):
    tell(replace(GOES_ON, because="<script>alert(1)</script> & <b>mugs</b>\r\nBcc: x@example.org"), mailbox.address)
    (mail,) = mailbox.got
    html = mail.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;\u2060script&gt;alert(1)" in html
    assert mail["Bcc"] is None


def test_markup_is_text_in_a_hook(hook, tell):
    tell(replace(GOES_ON, because='<b>"mugs"</b> @everyone'), hook.address)
    assert hook.got[0]["message"].startswith('What moved: <\u2060b>"mugs"<\u2060/b> @\u2060everyone\n')


# A test of the alerts


def test_a_test_goes_to_each_target_and_says_who_took_it(hook, mailbox, tmp_path):
    targets = list(map(Target.of, (hook.address, f"json://127.0.0.1:{free_port()}/", mailbox.address)))
    assert announce(targets, Sender("Toys").test()) == [
        (t.name, took) for t, took in zip(targets, (1, 0, 1), strict=True)
    ]
    assert hook.titles == ["Toys: A test of the alerts"]
    assert [mail["Subject"] for mail in mailbox.got] == ["Toys: A test of the alerts"]
    assert list(tmp_path.iterdir()) == []


def test_a_test_without_targets_says_where_they_come_from():
    with pytest.raises(SettingsError, match="CLIENTAGE_ALERTS: there is nobody to tell"):
        announce([], Sender().test())


def test_words_of_others_are_text(hook):
    lines = ["ok", "", *map(str, range(99)), "<b>no</b> @everyone http://x.example"]
    announce([Target.of(hook.address)], Sender("Toys").says("clean *failed*", lines))
    assert hook.titles == ["Toys: clean ∗failed∗"]
    said = hook.got[0]["message"].splitlines()
    assert (said[0], said[-1]) == ("60", "<\u2060b>no<\u2060/b> @\u2060everyone http:\u2060/\u2060/x.\u2060example")


def test_a_notice_by_hand_goes_to_whoever_is_named_or_to_nobody(hook, command):
    done = command("tell", "clean failed", CLIENTAGE_ALERTS=hook.address)
    assert (done.returncode, hook.titles) == (0, ["clean failed"]), done.stdout + done.stderr
    assert done.stdout.startswith("told        json ")
    done = command("tell", "clean failed", CLIENTAGE_ALERTS=f"json://127.0.0.1:{free_port()}/")
    assert (done.returncode, "away        json " in done.stdout) == (1, True)
    done = command("tell", "clean failed", CLIENTAGE_ALERTS="")
    assert (done.returncode, done.stdout) == (0, "nobody is told: CLIENTAGE_ALERTS is empty, see docs/alerts.md.\n")


# Targets and their secrets


def secret(hook, path="hush-path"):
    return f"json://hush-user:hush-word@127.0.0.1:{hook.port}/{path}"


def test_targets_come_from_the_environment_each_once(hook, monkeypatch):
    monkeypatch.setenv("CLIENTAGE_ALERTS", f"  {hook.address}\n{secret(hook)} {hook.address}\n")
    targets = of_environment()
    assert [target.address for target in targets] == [hook.address, secret(hook)]
    assert len({target.mark for target in targets}) == 2
    assert targets[0] == Target.of(hook.address)
    monkeypatch.delenv("CLIENTAGE_ALERTS")
    assert of_environment() == ()


def test_entries_that_are_no_address_are_counted_not_repeated(monkeypatch, caplog):
    monkeypatch.setenv("CLIENTAGE_ALERTS", "slack://hush json://127.0.0.1/ hush-word nothing://hush")
    with caplog.at_level(1), pytest.raises(SettingsError) as caught:
        of_environment()
    assert [line[:27] for line in str(caught.value).splitlines()] == [
        f"CLIENTAGE_ALERTS: entry {i} i" for i in (1, 3, 4)
    ]
    assert "hush" not in str(caught.value) + caplog.text


def test_a_secret_is_in_no_file_no_log_and_no_error(hook, monkeypatch, caplog, tmp_path, capfd):
    monkeypatch.setenv("CLIENTAGE_ALERTS", f"{secret(hook)} {secret(hook, 'hush-again')}")
    caplog.set_level(1)
    monkeypatch.chdir(tmp_path)
    hook.refuses = 1
    targets = of_environment()
    waits = Post(retries=1, wait=lambda _: None)
    done = notify([GOES_ON], tmp_path / "alerts.json", targets, NOW, through=GOES_ON.last, post=waits)
    assert len(done.sent) == len(hook.got) == 2
    probed = announce(targets, Sender().test())
    told = [caplog.text, *capfd.readouterr(), repr(done), repr(targets), repr(probed)]
    files = [found.read_text() for found in tmp_path.rglob("*") if found.is_file()]
    assert len(files) == 1
    assert not [words for words in told + files if "hush" in words]


def test_apprise_by_itself_would_log_the_path(hook, caplog):
    """Else the test above could not fail."""
    import apprise  # noqa: PLC0415

    caplog.set_level(logging.DEBUG)
    sender = apprise.Apprise()
    sender.add(secret(hook))
    assert sender.notify(body="x")
    assert "hush-path" in caplog.text


def test_what_was_logged_before_is_logged_after(hook, caplog):
    caplog.set_level(logging.INFO)
    send(Target.of(hook.address), Sender().test())
    logging.getLogger("shop").info("open")
    assert caplog.messages == ["open"]


def test_apprise_is_loaded_by_nothing_but_sending():
    code = "import sys, clientage.monitoring.alerts; sys.exit('apprise' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_where_apprise_is_missing_its_extra_is_named(hook, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Exception, match=r"pip install 'clientage\[alerts\]'"):
        send(Target.of(hook.address), Sender().test())

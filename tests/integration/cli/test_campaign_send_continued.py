"""`smsworks campaign send` of a campaign that was begun before, and of others beside it."""

from __future__ import annotations

import pytest

from smsworks_async.cli import _campaign_send
from smsworks_async.sandbox import Fault
from support.campaign_send import EVERYBODY, PEOPLE, TEXT, send, texted


ONE_BY_ONE = ("--chunk-size", "1", "--concurrency", "1")
FIELDS = "Hi {First name}. Reply STOP to opt out."


@pytest.fixture
def refuse(hosted):
    """Return a function that lets the first request pass, and refuses all others."""

    def refuse(path="/batch/send", status=402):
        hosted.do(lambda box: box.add_fault(Fault(path=path, status=status, nth=2, times=0)))

    return refuse


@pytest.fixture
def changed(smsworks, hosted, people, refuse):
    """A campaign whose texts were sent in part, and the command with the changed file."""
    refuse("/batch/any")
    done = smsworks(*send(people(), "--yes", "--json", *ONE_BY_ONE, text=FIELDS))
    hosted.do(lambda box: box.clear_faults())
    rows = [("Ada", PEOPLE[0][1]), ("Bea", PEOPLE[1][1]), ("Cy", PEOPLE[2][1])]
    command = send(people(name="b.csv", rows=rows), "--yes", *ONE_BY_ONE, text=FIELDS)
    return done.records[0]["campaign"], command


def test_campaign_send_does_not_continue_with_texts_that_the_file_no_longer_has(
    smsworks, hosted, people, changed
):
    name, command = changed
    done = smsworks(*command)
    assert done.code == 2
    assert f"to send the rest as they were then, run `smsworks campaign work {name}`" in done.error
    assert texted(hosted) == {"447700900001": 1}
    done = smsworks(*send(people(), "--yes", *ONE_BY_ONE, text=FIELDS))
    assert (done.code, texted(hosted)) == (0, EVERYBODY), done.err


def test_campaign_send_follows_its_advice_about_changed_texts(smsworks, hosted, changed):
    name, command = changed
    assert smsworks("campaign", "cancel", name, "--yes").code == 0
    done = smsworks(*command, "--campaign", "new")
    assert done.code == 3
    assert "1 recipient was in a campaign of the last 6 days" in done.error
    done = smsworks(*(word for word in command if word != "--yes"), stdin="y\ny\n")
    assert done.code == 3
    done = smsworks(*command, "--campaign", "new", "--again")
    assert done.code == 0
    assert "Hi Bea. Reply STOP to opt out." in [m.content for m in hosted.box.messages]


@pytest.fixture
def overtaken(smsworks, hosted, people, refuse):
    """The command for a campaign that was refused in part, after which another texted the rest."""
    refuse()
    command = send(people(), *ONE_BY_ONE)
    assert smsworks(*command, "--yes").code == 1
    hosted.do(lambda box: box.clear_faults())
    # The second recipient was refused for want of credit, and the third was not sent to.
    assert smsworks(*send(people(name="b.csv", rows=[PEOPLE[1]]), "--yes")).code == 0
    return command


def test_campaign_send_does_not_continue_with_those_whom_another_campaign_has_texted(
    smsworks, hosted, overtaken
):
    done = smsworks(*overtaken, "--yes")
    assert done.code == 3
    assert "1 recipient was in a campaign of the last 6 days" in done.error
    declined = smsworks(*overtaken, stdin="n\n")
    assert declined.code == 3
    assert texted(hosted) == {"447700900001": 1, "447700900002": 1}


@pytest.mark.parametrize(("options", "answers"), [(("--yes", "--again"), ""), ((), "y\ny\n")])
def test_campaign_send_continues_with_those_if_the_user_says_so(
    smsworks, hosted, overtaken, options, answers
):
    done = smsworks(*overtaken, *options, stdin=answers)
    assert (done.code, texted(hosted)) == (0, {**EVERYBODY, "447700900002": 2}), done.err


def test_campaign_send_continues_where_the_other_campaign_came_first(
    smsworks, hosted, people, refuse
):
    assert smsworks(*send(people(name="b.csv", rows=PEOPLE[1:]), "--yes")).code == 0
    refuse()
    command = send(people(), *ONE_BY_ONE)
    assert smsworks(*command, stdin="y\ny\n").code == 1  # the user has agreed to text them again
    hosted.do(lambda box: box.clear_faults())
    done = smsworks(*command, "--yes")
    assert (done.code, texted(hosted)) == (0, {**EVERYBODY, "447700900002": 2, "447700900003": 2})


def elsewhere(monkeypatch, look, act):
    """Call a function after the given read of the journal by `campaign send`."""
    looked, looks = _campaign_send.find_earlier, [0]

    async def looking(*args, **options):
        found = await looked(*args, **options)
        looks[0] += 1
        if looks[0] == look:
            act()
        return found

    monkeypatch.setattr(_campaign_send, "find_earlier", looking)


def test_campaign_send_that_continues_looks_again_before_it_sends(
    smsworks, hosted, people, refuse, monkeypatch
):
    refuse()
    command = send(people(), "--yes", *ONE_BY_ONE)
    assert smsworks(*command).code == 1
    hosted.do(lambda box: box.clear_faults())
    other = send(people(name="b.csv", rows=[PEOPLE[1]]), "--yes")
    elsewhere(monkeypatch, 1, lambda: smsworks.run(*other))
    done = smsworks(*command)
    assert done.code == 3
    assert "in the meantime; nothing was sent" in done.error
    assert "cancelled" not in done.error
    assert texted(hosted) == {"447700900001": 1, "447700900002": 1}


def test_campaign_send_joins_a_process_that_has_begun_its_campaign(
    smsworks, hosted, people, monkeypatch
):
    """Another terminal sends the same list, and then one of its recipients, as the user asked."""

    command = send(people(), "--yes")
    one = send(people(name="b.csv", rows=[PEOPLE[0]]), "--yes", "--again")

    def act():
        assert smsworks.run(*command).code == 0
        assert smsworks.run(*one).code == 0

    elsewhere(monkeypatch, 1, act)
    done = smsworks(*command)
    assert (done.code, done.err) == (0, "")
    assert texted(hosted) == {**EVERYBODY, "447700900001": 2}


def test_campaign_send_does_not_cancel_a_campaign_that_the_user_has_planned(
    smsworks, hosted, people, monkeypatch, tmp_path
):
    journal = ("--journal", str(tmp_path / "j.db"))
    words = ("--campaign", "june", *journal)
    plan = ("campaign", "plan", people(), "--sender", "AcmeCorp", "--message", TEXT, *words)
    assert smsworks(*plan).code == 0
    other = send(people(name="b.csv", rows=[PEOPLE[0]]), "--yes", "--again", *journal)
    elsewhere(monkeypatch, 1, lambda: smsworks.run(*other))
    done = smsworks(*send(people(), "--yes", *words))
    assert done.code == 3
    assert "in the meantime; nothing was sent" in done.error
    status = smsworks("campaign", "status", "june", *journal, "--json").record
    assert (status["state"], status["not_sent"]) == ("running", 3)
    assert texted(hosted) == {"447700900001": 1}


def test_campaign_send_again_sends_once_more_where_some_were_refused_for_good(
    smsworks, hosted, people, refuse
):
    refuse(status=400)
    command = send(people(), "--yes", *ONE_BY_ONE)
    assert smsworks(*command).code == 1
    hosted.do(lambda box: box.clear_faults())
    done = smsworks(*command, "--again")
    assert (done.code, texted(hosted)) == (0, {**EVERYBODY, "447700900001": 2}), done.out


def test_campaign_send_says_whom_a_cancelled_campaign_has_texted(
    smsworks, hosted, people, refuse, tmp_path
):
    refuse()
    words = ("--campaign", "june", "--journal", str(tmp_path / "j.db"), *ONE_BY_ONE)
    assert smsworks(*send(people(), "--yes", *words)).code == 1
    assert smsworks("campaign", "cancel", "june", "--yes", *words[2:4]).code in {0, 1}
    done = smsworks(*send(people(), "--yes", *words))
    assert done.code == 3
    assert "was cancelled after this text was sent to 1 recipient" in done.error


def test_campaign_send_remembers_those_whose_retry_was_refused(smsworks, hosted, people, tmp_path):
    rows = [("Ada", "07700 900506"), ("Bob", "07700 900513")]  # not delivered for now
    command = send(people(rows=rows), "--yes", "--campaign", "june", *ONE_BY_ONE)
    assert smsworks(*command).code == 0
    hosted.do(lambda box: box.deliver())
    with hosted.client() as sms:
        for message in hosted.box.messages:
            sms.messages.wait(message.message_id)
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", status=402, times=0)))
    assert smsworks("campaign", "retry", "june", "--pause", "0").code == 3
    hosted.do(lambda box: box.clear_faults())
    done = smsworks(*send(people(name="b.csv", rows=rows[::-1]), "--yes"))
    assert done.code == 3
    assert "2 recipients were in a campaign of the last 6 days (june" in done.error
    assert set(texted(hosted).values()) == {1}

"""URLs of PostgreSQL journals: libpq's options are honoured, translated, or refused by name."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError
from smsworks_async.journals import PostgresJournal, open_journal
from smsworks_async.journals.postgres import running
from smsworks_async.journals.postgres.url import parse


def arguments(url):
    return parse(url).connect_arguments()


def test_parse_reads_the_usual_url():
    assert arguments("postgresql://me:p%40ss@db.example:5433/sms") == {
        "user": "me",
        "password": "p@ss",
        "host": ["db.example"],
        "port": [5433],
        "database": "sms",
        "timeout": 10.0,
        "server_settings": {"application_name": "smsworks-async"},
    }


def test_parse_leaves_to_the_environment_what_is_not_said():
    given = arguments("postgres://")
    assert given == {"timeout": 10.0, "server_settings": {"application_name": "smsworks-async"}}


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        ("postgresql://a:1,b:2/x", ["a", "b"], [1, 2]),
        ("postgresql://a,b:2/x", ["a", "b"], [5432, 2]),
        ("postgresql://[::1]:6000/x", ["::1"], [6000]),
        ("postgresql:///x?host=/run/pg", ["/run/pg"], [5432]),
        ("postgresql:///x?host=a,b&port=1,2", ["a", "b"], [1, 2]),
        ("postgresql:///x?host=a,b&port=7", ["a", "b"], [7, 7]),
        ("postgresql://%2Frun%2Fpg/x", ["/run/pg"], [5432]),
    ],
)
def test_parse_reads_hosts_and_ports(url, hosts, ports):
    given = arguments(url)
    assert (given["host"], given["port"]) == (hosts, ports)
    assert given["database"] == "x"


def test_parse_looks_for_the_primary_among_several_hosts():
    assert arguments("postgresql://a,b/x")["target_session_attrs"] == "read-write"
    assert arguments("postgresql://a,b/x?target_session_attrs=any")["target_session_attrs"] == "any"
    assert "target_session_attrs" not in arguments("postgresql://a/x")


def test_parse_shuffles_hosts_where_the_load_is_to_be_balanced():
    target = parse("postgresql://a:1,b:2,c:3/x?load_balance_hosts=random")
    orders = set()
    for _ in range(100):
        given = target.connect_arguments()
        assert sorted(zip(given["host"], given["port"], strict=True)) == [
            ("a", 1),
            ("b", 2),
            ("c", 3),
        ]
        orders.add(tuple(given["host"]))
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("connect_timeout=3", "timeout", 3.0),
        ("connect_timeout=1", "timeout", 2.0),
        ("connect_timeout=0", "timeout", 10.0),
        ("user=me", "user", "me"),
        ("password=p%26q", "password", "p&q"),
        ("dbname=other", "database", "other"),
        ("application_name=shop", "server_settings", {"application_name": "shop"}),
        ("fallback_application_name=shop", "server_settings", {"application_name": "shop"}),
        ("sslmode=verify-full", "dsn", "postgresql://?sslmode=verify-full"),
        ("passfile=/secret", "dsn", "postgresql://?passfile=%2Fsecret"),
        ("target_session_attrs=primary", "target_session_attrs", "primary"),
    ],
)
def test_parse_translates_what_libpq_knows(option, name, value):
    assert arguments(f"postgresql://db/x?{option}")[name] == value


def test_parse_takes_certificates_that_are_there(tmp_path):
    file = tmp_path / "a root.crt"
    url = f"postgresql://db/x?sslrootcert={quote(str(file))}&sslmode=verify-ca"
    with pytest.raises(ConfigurationError, match="sslrootcert"):
        parse(url)
    file.touch()
    given = arguments(url)["dsn"]
    assert dict(parse_qsl(urlsplit(given).query)) == {
        "sslrootcert": str(file),
        "sslmode": "verify-ca",
    }


def test_parse_hands_settings_of_the_session_on():
    given = arguments("postgresql://db/x?options=-c%20statement_timeout%3D5s")
    assert given["server_settings"]["options"] == "-c statement_timeout=5s"


@pytest.mark.parametrize(
    "option",
    [
        "channel_binding=prefer",
        "client_encoding=UTF8",
        "gssencmode=disable",
        "keepalives=0",
        "load_balance_hosts=disable",
        "sslcompression=0",
        "sslnegotiation=postgres",
    ],
)
def test_parse_leaves_out_what_asks_for_nothing(option):
    assert arguments(f"postgresql://db/x?{option}") == arguments("postgresql://db/x")


@pytest.mark.parametrize(
    "option",
    [
        "channel_binding=require",
        "client_encoding=LATIN1",
        "gssencmode=require",
        "hostaddr=10.0.0.1",
        "keepalives=1",
        "keepalives_idle=10",
        "load_balance_hosts=sometimes",
        "replication=database",
        "require_auth=scram-sha-256",
        "search_path=elsewhere",
        "sslmode=sometimes",
        "statement_cache_size=0",
        "synchronous_commit=off",
        "target_session_attrs=standby",
        "tcp_user_timeout=10",
    ],
)
def test_parse_refuses_by_name_what_it_cannot_honour(option):
    with pytest.raises(ConfigurationError, match=option.partition("=")[0]):
        parse(f"postgresql://db/x?{option}")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql+asyncpg://me:secret@db/x", "name of the driver"),
        ("mysql://me:secret@db/x", "postgresql://"),
        ("postgresql://me:secret@db:port/x", "port"),
        ("postgresql://me:secret@db:99999/x", "port"),
        ("postgresql://me:secret@a,b/x?port=1,2,3", "ports"),
        ("postgresql://me:se#cret@db/x", "%23"),
        ("postgresql://me:secret@[::1/x", "cannot be read"),
        ("postgresql://me:secret@db/x?secret", "cannot be read"),
        ("postgresql://me:secret@db/x?connect_timeout=soon", "connect_timeout"),
    ],
)
def test_parse_refuses_a_malformed_url_without_quoting_it(url, why):
    with pytest.raises(ConfigurationError, match=why) as caught:
        parse(url)
    seen = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert "secret" not in repr(seen)
    assert "cret" not in repr(seen)


def test_journal_names_itself_without_user_and_password():
    journal = PostgresJournal("postgresql://me:secret@db.example:5433/sms?sslmode=require")
    assert repr(journal) == "PostgresJournal('postgresql://db.example/sms')"
    assert journal.path == "postgresql://db.example/sms"
    assert "secret" not in repr(vars(journal))


def test_check_installed_names_the_extra_and_the_library(monkeypatch):
    monkeypatch.setattr(running.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"extra `postgres`, .* install asyncpg"):
        running.check_installed()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_open_journal_takes_both_spellings(scheme):
    journal, is_ours = open_journal(f"{scheme}://db/x")
    assert isinstance(journal, PostgresJournal)
    assert is_ours


@pytest.mark.parametrize("argument", ["journal", "opt_outs"])
async def test_a_client_refuses_a_url_with_an_unknown_option(argument):
    async with AsyncSMSWorks("JWT x", **{argument: "postgresql://db/x?colour=red"}) as sms:
        with pytest.raises(ConfigurationError, match="colour"):
            await sms.opt_outs.contains("07700 900001")

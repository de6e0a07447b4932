"""Settings: who wins, what is refused, and what is never shown."""

from pathlib import Path

import pytest

from farandole.runtime.settings import InvalidSetting, Settings, UnknownSetting, describe, load

DATABASE = "postgresql+psycopg://ada:s3cr:t/@localhost:5432/order"


def config(folder: Path, text: str) -> dict[str, str]:
    file = folder / "farandole.toml"
    file.write_text(text, encoding="utf-8")
    return {"FARANDOLE_CONFIG": str(file)}


def test_nothing_needs_to_be_set() -> None:
    assert load({}) == Settings()
    assert (load({}).port, load({}).payment_limit, load({}).data.name) == (8000, "10000.00", "farandole")


def test_variables_of_others_are_ignored() -> None:
    assert load({"PATH": "/bin", "FARANDOLES": "3"}) == Settings()


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    environ = config(tmp_path, 'port = 1\nhost = "file"\nlog_level = "error"')
    settings = load(environ | {"FARANDOLE_PORT": "2", "FARANDOLE_HOST": "variable"}, {"port": 3})
    assert (settings.port, settings.host, settings.log_level) == (3, "variable", "error")


def test_a_flag_that_is_not_given_overrides_nothing() -> None:
    assert load({"FARANDOLE_PORT": "2"}, {"port": None}).port == 2


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({"FARANDOLE_KAFKA": "", "FARANDOLE_CONFIG": ""}) == Settings()


def test_kafka_variables_become_librdkafka_properties() -> None:
    settings = load({"FARANDOLE_KAFKA": "a:9092,[::1]:9092", "FARANDOLE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})
    assert (settings.kafka, settings.kafka_options) == ("a:9092,[::1]:9092", {"security.protocol": "SASL_SSL"})


@pytest.mark.parametrize("name", ['"security.protocol"', "security.protocol"])
def test_kafka_properties_in_the_file_may_be_quoted_or_not(tmp_path: Path, name: str) -> None:
    environ = config(tmp_path, f'[kafka_options]\n{name} = "SSL"\n"log.queue" = true')
    assert load(environ).kafka_options == {"security.protocol": "SSL", "log.queue": "true"}
    assert load(environ | {"FARANDOLE_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}).kafka_options["security.protocol"] == (
        "PLAINTEXT"
    )


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("FARANDOLE_PROT", "FARANDOLE_PORT"),
        ("FARANDOLE_KAFKAS", "FARANDOLE_KAFKA"),
        ("FARANDOLE_PAYMENT_LIMITS", "FARANDOLE_PAYMENT_LIMIT"),
        ("FARANDOLE_CONFIGS", "FARANDOLE_CONFIG"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(unknown: str, nearest: str) -> None:
    with pytest.raises(UnknownSetting, match=rf"found {unknown}; the nearest is {nearest}$"):
        load({unknown: "1"})


def test_an_unknown_key_of_the_file_names_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match=r"found prot in .*the nearest is port"):
        load(config(tmp_path, "prot = 1"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("PARTITIONS", "0"),
        ("PARTITIONS", "1001"),
        ("BACKLOG_LIMIT", "1e4"),
        ("PAYMENT_LIMIT", "1e4"),
        ("PAYMENT_LIMIT", "-1"),
        ("PAYMENT_LIMIT", "10,000.00"),
        ("TOPIC_PREFIX", "a b"),
        ("TOPIC_PREFIX", "a/"),
        ("BEGIN", "end"),
        ("EMAIL_CHANNEL", "pigeon"),
        ("SMS_CHANNEL", "smtp"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("URL", "localhost:8000"),
        ("ORDER_URL", "ftp://order"),
        ("MAIL_FROM", "nobody"),
        ("KAFKA", "a b"),
        ("KAFKA", "a:port"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load({f"FARANDOLE_{variable}": value})
    assert str(refused.value).startswith(f"FARANDOLE_{variable}: expected ")
    assert str(refused.value).endswith(f"found {value!r}")


def test_a_wrong_flag_is_called_by_its_name() -> None:
    with pytest.raises(InvalidSetting, match=r"^--payment-limit: expected a plain decimal"):
        load({}, {"payment_limit": "lots"})


def test_a_payment_limit_in_the_file_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"payment_limit in .* found a float; try quotes"):
        load(config(tmp_path, "payment_limit = 10000.00"))
    assert load(config(tmp_path, 'payment_limit = "250.00"')).payment_limit == "250.00"


@pytest.mark.parametrize("text", ["port = ", "\x00"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"FARANDOLE_CONFIG: expected TOML in .*farandole\.toml"):
        load(config(tmp_path, text))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"FARANDOLE_CONFIG: expected a readable file, found .*nowhere"):
        load({"FARANDOLE_CONFIG": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("channel", "url"), [("EMAIL_CHANNEL=smtp", "SMTP_URL"), ("SMS_CHANNEL=apprise", "APPRISE_URL")]
)
def test_a_channel_that_sends_needs_its_url(channel: str, url: str) -> None:
    name, _, value = channel.partition("=")
    with pytest.raises(InvalidSetting, match=f"^FARANDOLE_{url}: expected a URL because FARANDOLE_{name} is {value}"):
        load({f"FARANDOLE_{name}": value})


@pytest.mark.parametrize("url", ["smtp://ada:s3cr3t@mail:587", "smtps://mail", "smtp://[::1]:25"])
def test_mail_servers_are_urls(url: str) -> None:
    assert load({"FARANDOLE_EMAIL_CHANNEL": "smtp", "FARANDOLE_SMTP_URL": url}).smtp_url == url


def test_the_settings_show_no_secret() -> None:
    secrets = {
        "FARANDOLE_DATABASE": f"{DATABASE}?sslpassword=s3cr:t&sslmode=require",
        "FARANDOLE_SMTP_URL": "smtp://ada:s3cr:t@mail:587",
        "FARANDOLE_APPRISE_URL": "twilio://s3cr:t",
        "FARANDOLE_KAFKA_SASL_PASSWORD": "s3cr:t",
        "FARANDOLE_KAFKA_SSL_KEY_PEM": "s3cr:t",
        "FARANDOLE_KAFKA_SASL_USERNAME": "ada",
    }
    shown = repr(load(secrets))
    assert "s3cr" not in shown
    assert "postgresql+psycopg://ada:***@localhost:5432/order?sslpassword=***&sslmode=require" in shown
    assert "'sasl.username': 'ada'" in shown


@pytest.mark.parametrize("variable", ["DATABASE", "SMTP_URL", "APPRISE_URL"])
def test_a_wrong_value_that_may_be_secret_is_not_shown(variable: str) -> None:
    with pytest.raises(InvalidSetting, match=r"expected .*not shown") as refused:
        load({f"FARANDOLE_{variable}": "ada:s3cr3t@localhost"})
    assert "s3cr3t" not in str(refused.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        load({}).port = 1  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    table = describe()
    variables = [variable for variable, _, _ in table]
    fields = {f"FARANDOLE_{name.upper()}" for name in Settings.__dataclass_fields__ if name != "kafka_options"}
    assert set(variables) == fields | {"FARANDOLE_CONFIG", "FARANDOLE_KAFKA_<PROPERTY>"}
    assert len(variables) == len(set(variables))
    assert all(meaning for _, _, meaning in table)
    assert ("FARANDOLE_PORT", "8000", "port the HTTP server listens on; 0 takes a free one") in table


def test_every_described_default_is_accepted() -> None:
    defaults = {name: default for name, default, _ in describe() if default and name != "FARANDOLE_DATA"}
    assert load(defaults) == Settings()

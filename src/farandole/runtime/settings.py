"""Every setting is declared once: flags win over FARANDOLE_* variables, variables over the file of FARANDOLE_CONFIG."""
# ruff: noqa: RUF009  # `_setting` gives a field, not a shared default

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args

import platformdirs

PREFIX: Final = "FARANDOLE_"
CONFIG: Final = "FARANDOLE_CONFIG"
KAFKA_PREFIX: Final = "FARANDOLE_KAFKA_"
OPTION: Final = "kafka_options."
HIDDEN: Final = "***"
NOTHING: Final[Mapping[str, object]] = MappingProxyType({})

_PASSWORD: Final = re.compile(r"(://[^:/?#@]*:).*@", re.DOTALL)
_PASSWORD_IN_QUERY: Final = re.compile(r"([?&][^=&]*(?:pass|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)
_SECRET_PROPERTY: Final = re.compile(r"pass|secret|key|pem|jaas|token|oauthbearer\.config", re.IGNORECASE)


Begin = Literal["beginning", "earliest", "latest"]
EmailChannel = Literal["console", "smtp"]
SmsChannel = Literal["console", "apprise"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
Tracing = Literal["off", "otlp"]


class SettingError(ValueError):
    """The settings cannot be used."""


class UnknownSetting(SettingError):
    """Nothing is called that; the message names the nearest setting."""


class InvalidSetting(SettingError):
    """A setting is not what it should be; the message never shows a secret."""


class Given(NamedTuple):
    """A value as somebody gave it, and where."""

    name: str
    where: str
    value: object


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be; `read` raises ValueError when it is not."""

    expected: str
    read: Callable[[str], object]
    secret: bool = False


def _matching(pattern: str, expected: str, *, secret: bool = False) -> Kind:
    form = re.compile(pattern, re.ASCII)

    def read(text: str) -> str:
        if not form.fullmatch(text):
            raise ValueError(text)
        return text

    return Kind(expected, read, secret)


def _whole(low: int, high: int) -> Kind:
    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,12}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Kind(f"a whole number from {low} to {high}", read)


def _one_of(literal: Any) -> Kind:
    names = get_args(literal)
    return _matching("|".join(names), " or ".join(names))


_BROKER: Final = r"([A-Za-z_]+://)?(\[[0-9A-Fa-f:.]+\]|[^\s,:/\[\]]+)(:[0-9]{1,5})?"
_BOOTSTRAP: Final = _matching(f"{_BROKER}(,{_BROKER})*", "HOST:PORT, several separated by commas")
_DATABASE: Final = _matching(
    r"(postgresql(\+psycopg)?://\S+|sqlite(\+pysqlite)?://\S*)",
    "a SQLAlchemy URL such as postgresql+psycopg://user:password@host:5432/order",
    secret=True,
)
_FOLDER: Final = Kind("a folder", lambda text: Path(text).expanduser())
_HOST: Final = _matching(r"[^\s/]+", "a host name or address")
_SECONDS: Final = _matching(r"[0-9]{1,6}(\.[0-9]{1,3})?", "seconds such as 5 or 0.5")
_PORT: Final = _whole(0, 65_535)
_PARTITIONS: Final = _whole(1, 1000)
_MANY: Final = _whole(1, 10**9)
_BEGIN, _EMAIL, _SMS, _FORMAT, _LEVEL, _TRACING = map(
    _one_of, (Begin, EmailChannel, SmsChannel, LogFormat, LogLevel, Tracing)
)
_AMOUNT: Final = _matching(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,4})?", "a plain decimal such as 10000.00")
_TOPIC_PREFIX: Final = _matching(r"[A-Za-z0-9._-]{0,200}", "at most 200 of A-Z a-z 0-9 . _ -")
_HTTP: Final = _matching(r"https?://[^\s/?#]+(/[^\s?#]*)?", "a URL such as http://127.0.0.1:8000")
_SMTP: Final = _matching(
    r"smtp(s|\+starttls)?://([^\s/]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/@:]+)(:[0-9]{1,5})?/?",
    "smtp://user:password@host:port or smtps://…",
    secret=True,
)
_MAIL: Final = _matching(r"[^@\s]+@[^@\s]+", "an e-mail address")
_APPRISE: Final = _matching(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", "an Apprise URL such as twilio://…", secret=True)


def _setting(default: object, kind: Kind, meaning: str, shown: str | None = None) -> Any:
    """A field with its kind and its line of documentation; `shown` stands for a default that differs by machine."""
    metadata = {"kind": kind, "meaning": meaning, "shown": str(default or "") if shown is None else shown}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _user_data() -> Path:
    return Path(platformdirs.user_data_dir("farandole"))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """What one process was told; nothing else reads the environment."""

    # fmt: off
    kafka: str | None = _setting(None, _BOOTSTRAP, "Kafka's bootstrap servers, HOST:PORT, several separated by commas")
    database: str | None = _setting(None, _DATABASE, "SQLAlchemy URL of this service's own database")
    data: Path = _setting(_user_data, _FOLDER, "folder of the embedded system's databases", "the user's data folder")
    host: str = _setting("127.0.0.1", _HOST, "address the HTTP server listens on")
    port: int = _setting(8000, _PORT, "port the HTTP server listens on; 0 takes a free one")
    url: str = _setting("http://127.0.0.1:8000", _HTTP, "address of the system that the client commands talk to")
    payment_limit: str = _setting("10000.00", _AMOUNT, "a payment of more than this fails, in the order's currency")
    topic_prefix: str = _setting("", _TOPIC_PREFIX, "put before the name of every topic")
    partitions: int = _setting(6, _PARTITIONS, "partitions of a topic that is created")
    late_after: str = _setting("5", _SECONDS, "seconds a step may take before the doctor asks why")
    backlog_limit: int = _setting(10_000, _MANY, "orders waiting to be published before new ones get 503")
    begin: Begin = _setting("beginning", _BEGIN, "where a group that never read a pruned topic begins")
    order_url: str | None = _setting(None, _HTTP, "order service, for the monitor's front door")
    inventory_url: str | None = _setting(None, _HTTP, "inventory service, for the monitor's front door")
    payment_url: str | None = _setting(None, _HTTP, "payment service, for the monitor's front door")
    notification_url: str | None = _setting(None, _HTTP, "notification service, for the monitor's front door")
    email_channel: EmailChannel = _setting("console", _EMAIL, "how e-mail leaves: console records and logs it, smtp sends it")
    sms_channel: SmsChannel = _setting("console", _SMS, "how SMS leave: console records and logs them, apprise sends them")
    smtp_url: str | None = _setting(None, _SMTP, "mail server, smtp://user:password@host:port or smtps://…")
    mail_from: str = _setting("farandole@localhost", _MAIL, "sender of every e-mail")
    apprise_url: str | None = _setting(None, _APPRISE, "Apprise URL of the SMS provider")
    log_format: LogFormat = _setting("console", _FORMAT, "how log lines look")
    log_level: LogLevel = _setting("info", _LEVEL, "the least severe log lines written")
    traces: Tracing = _setting("off", _TRACING, "otlp sends traces (extra otel) as OTEL_EXPORTER_OTLP_* and OTEL_TRACES_SAMPLER say")
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    # fmt: on

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(name, getattr(self, name))!r}" for name in (*_KNOWN, "kafka_options"))
        return f"Settings({', '.join(shown)})"


_KNOWN: Final[Mapping[str, Field[Any]]] = {f.name: f for f in fields(Settings) if f.metadata}


def load(environ: Mapping[str, str], overrides: Mapping[str, object] = NOTHING) -> Settings:
    """The settings of this process; a flag that is None was not given. Raises UnknownSetting or InvalidSetting."""
    values: dict[str, Any] = {}
    options: dict[str, str] = {}
    for given in (*_from_file(environ), *_from_environment(environ), *_from_flags(overrides)):
        if given.name.startswith(OPTION):
            options[given.name.removeprefix(OPTION)] = _text(given, "a librdkafka property's value")
        else:
            values[given.name] = _value(given)
    settings = Settings(**values, kafka_options=options)
    _require(settings.smtp_url, "SMTP_URL", "EMAIL_CHANNEL is smtp", settings.email_channel == "smtp")
    _require(settings.apprise_url, "APPRISE_URL", "SMS_CHANNEL is apprise", settings.sms_channel == "apprise")
    return settings


def describe() -> list[tuple[str, str, str]]:
    """Every environment variable with its default and its meaning, for the documentation."""
    table = [(_variable(name), f.metadata["shown"], f.metadata["meaning"]) for name, f in _KNOWN.items()]
    option = (f"{KAFKA_PREFIX}<PROPERTY>", "", "passed to librdkafka: …_SECURITY_PROTOCOL sets security.protocol")
    config = (CONFIG, "", "TOML file of settings: lower-case keys without the prefix, and a table [kafka_options]")
    return [*table[:1], option, *table[1:], config]


def masked(url: str) -> str:
    """A URL without its passwords."""
    return _PASSWORD_IN_QUERY.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1{HIDDEN}@", url))


def _from_file(environ: Mapping[str, str]) -> Iterator[Given]:
    name = environ.get(CONFIG)
    if not name:
        return
    for key, value in _table(Path(name).expanduser()).items():
        if key == "kafka_options" and isinstance(value, dict):
            for property_, text in _flat(value):
                yield Given(OPTION + property_, f"kafka_options.{property_} in {name}", text)
        elif key in _KNOWN:
            yield Given(key, f"{key} in {name}", value)
        else:
            raise _unknown(key, (*_KNOWN, "kafka_options"), f" in {name}")


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    known = {_variable(name): name for name in _KNOWN}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == CONFIG:
            continue
        option = re.fullmatch(f"{KAFKA_PREFIX}([A-Z0-9]+(?:_[A-Z0-9]+)*)", variable)
        if variable not in known and not option:
            raise _unknown(variable, (*known, CONFIG))
        if environ[variable]:
            name = OPTION + option[1].lower().replace("_", ".") if option else known[variable]
            yield Given(name, variable, environ[variable])


def _from_flags(overrides: Mapping[str, object]) -> Iterator[Given]:
    for name, value in overrides.items():
        if name not in _KNOWN:
            raise _unknown(name, tuple(_KNOWN))
        if value is not None:
            yield Given(name, f"--{name.replace('_', '-')}", value)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSetting(f"{CONFIG}: expected a readable file, found {path}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidSetting(f"{CONFIG}: expected TOML in {path}, found: {error}") from None


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted names, whether written `"security.protocol"` or `security.protocol`, which TOML reads as tables."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _text(given: Given, expected: str) -> str:
    match given.value:
        case bool(value):
            return str(value).lower()
        case str() | int() | Path():
            return str(given.value)
        case value:
            raise InvalidSetting(f"{given.where}: expected {expected}, found a {type(value).__name__}; try quotes")


def _value(given: Given) -> object:
    kind: Kind = _KNOWN[given.name].metadata["kind"]
    text = _text(given, kind.expected)
    try:
        return kind.read(text)
    except ValueError:
        found = "something else (not shown: it may hold a password)" if kind.secret else repr(masked(text)[:80])
        raise InvalidSetting(f"{given.where}: expected {kind.expected}, found {found}") from None


def _require(value: str | None, name: str, because: str, needed: bool) -> None:
    if needed and value is None:
        raise InvalidSetting(f"{PREFIX}{name}: expected a URL because {PREFIX}{because}, found nothing")


def _unknown(name: str, known: tuple[str, ...], where: str = "") -> UnknownSetting:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
    return UnknownSetting(f"expected a known setting, found {name}{where}; the nearest is {nearest}")


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _shown(name: str, value: object) -> object:
    match value:
        case str() if name == "apprise_url":
            return f"{value.partition('://')[0]}://{HIDDEN}"
        case str():
            return masked(value)
        case dict():
            return {key: HIDDEN if _SECRET_PROPERTY.search(key) else text for key, text in value.items()}
    return value

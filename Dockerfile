# One image for the code location, the webserver and the daemon (docker-compose.yml): they must run
# the same Dagster. It holds neither data nor secrets.
#
# Python and Debian release are fixed; patches come with a new digest (make pin-images) and a rebuild.
FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /opt/adtech

# Before the code, so that a change of the code does not install everything again. Binary packages
# only, for the slim base has no compiler, and to build from source runs code that no hash covers; but
# Spark's client, pure Python, comes as source alone. Where packages come from a mirror, its pip.conf
# and certificate are lent to this step, and stay outside.
COPY requirements-image.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    pip install --require-hashes --no-deps \
        --only-binary :all: --no-binary pyspark-client -r requirements-image.lock

# Editable, because the settings find the dbt project beside the package.
COPY pyproject.toml README.md ./
COPY adtech_assets ./adtech_assets
COPY adtech_dbt ./adtech_dbt
COPY deploy ./deploy
RUN pip install --no-deps --no-build-isolation -e . \
    && python -m compileall -q adtech_assets

# Neither Dagster nor dbt may call home.
ENV DAGSTER_DISABLE_TELEMETRY=true \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false

# The import parses the dbt project, once: at run time its folder is read-only. Parsing opens
# no database, but the profile wants a folder to name. It fails the build if the code does not load
# with exactly these packages.
RUN mkdir /tmp/build \
    && export ADTECH_DATA_DIR=/tmp/build \
    && python -W ignore -c "import adtech_assets.definitions" \
    && rm -r /tmp/build

ENV DAGSTER_HOME=/opt/adtech/deploy \
    ADTECH_RAW_DATA_DIR=/var/lib/adtech/raw_data \
    ADTECH_OUTPUT_DIR=/var/lib/adtech/output \
    ADTECH_DATA_DIR=/var/lib/adtech/data

# A fixed id, so that the owner of files on a mounted host folder is known. Home is /tmp, beside the
# volumes the only writable folder. A new named volume takes over the owner of these folders; there
# is no VOLUME line, because it would add nameless volumes to the containers that mount fewer.
RUN groupadd --gid 10001 adtech \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin adtech \
    && install -d -o adtech -g adtech -m 0750 \
        /var/lib/adtech "$ADTECH_RAW_DATA_DIR" "$ADTECH_OUTPUT_DIR" "$ADTECH_DATA_DIR"

# By number: Kubernetes' runAsNonRoot does not look names up.
USER 10001:10001

EXPOSE 4000
CMD ["dagster", "api", "grpc", "--host=0.0.0.0", "--port=4000", "--module-name=adtech_assets.definitions"]
HEALTHCHECK --interval=30s --timeout=20s --start-period=90s --retries=3 \
    CMD ["dagster", "api", "grpc-health-check", "--port=4000"]

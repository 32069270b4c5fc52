# One image for every service of docker-compose.yml: the locked packages, then the project itself.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PATH=/opt/tuquan/.venv/bin:$PATH \
    TUQUAN_PROJECT=/opt/tuquan \
    TUQUAN_HOME=/var/lib/tuquan \
    AIRFLOW_HOME=/var/lib/tuquan/airflow

WORKDIR /opt/tuquan

COPY requirements-bootstrap.lock requirements-lake.lock requirements-channels.lock ./
RUN python -m venv .venv \
    && pip install --no-cache-dir --require-hashes -r requirements-bootstrap.lock \
    && uv pip sync --no-cache --require-hashes requirements-lake.lock requirements-channels.lock

COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY seeds seeds
COPY dbt_project dbt_project
COPY expectations expectations
COPY dags dags
COPY plugins plugins
COPY docs docs
RUN uv pip install --no-cache --offline --no-deps --no-build-isolation --editable . \
    && mkdir -p /var/lib/tuquan/airflow \
    && chgrp -R 0 /var/lib/tuquan \
    && chmod -R g=u /var/lib/tuquan

# Any user of group 0 may run it; docker-compose.yml says which.
USER 50000:0
ENTRYPOINT ["airflow"]

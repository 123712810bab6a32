# Airflow's image with the project's own environment from uv.lock, and the drivers for PostgreSQL.
FROM apache/airflow:3.3.2-python3.11

USER root
# LightGBM's wheel expects OpenMP's runtime on the machine
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=airflow --group=root /opt/smalti /opt/venv /var/lib/smalti
USER airflow

WORKDIR /opt/smalti
ENV UV_PROJECT_ENVIRONMENT=/opt/venv UV_COMPILE_BYTECODE=1 PATH=/opt/venv/bin:$PATH
COPY --chown=airflow:root . .
RUN uv sync --frozen --no-dev --no-cache \
    && uv pip install --python /opt/venv --no-cache psycopg2-binary==2.9.13 asyncpg==0.32.0

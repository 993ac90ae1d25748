# mediameter and, with it, Prefect's worker: the clone is the installation, /data holds settings, lake and warehouse.
#
#   docker build -t mediameter .
#   docker run --rm -v /srv/media:/data mediameter run
#   docker run -v /srv/media:/data -e PREFECT_API_URL=… --entrypoint prefect mediameter \
#       worker start --pool mediameter --type process
#
# The base by its digest, as whoever builds has looked at it (`docker buildx imagetools inspect python:3.11-slim`):
#
#   docker build --build-arg BASE=python:3.11-slim@sha256:… -t mediameter .
ARG BASE=python:3.11-slim
FROM ${BASE}

# The product's lock holds every package that runs, with its hash: nothing else is installed, no tool of development.
COPY requirements.lock /tmp/requirements.lock
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
        -r /tmp/requirements.lock \
    && useradd --create-home --uid 10001 mediameter \
    && mkdir /data && chown mediameter:mediameter /data

WORKDIR /srv/mediameter
COPY . .
RUN printf '#!%s\nimport sys\n\nfrom mediameter.cli import main\n\nsys.exit(main())\n' "$(command -v python)" \
        > /usr/local/bin/mediameter \
    && chmod 755 /usr/local/bin/mediameter

ENV PYTHONPATH=/srv/mediameter \
    PYTHONDONTWRITEBYTECODE=1 \
    MEDIAMETER_TOML=/data/mediameter.toml \
    DO_NOT_TRACK=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    GX_ANALYTICS_ENABLED=false

USER mediameter
VOLUME /data
ENTRYPOINT ["mediameter"]
CMD ["--help"]

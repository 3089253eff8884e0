# The tap as an Airbyte source and the target as an Airbyte destination, one image each:
#   docker build --target source      --tag source-pinterest-audiences .
#   docker build --target destination --tag destination-pinterest-audiences .

FROM python:3.12-slim-bookworm AS installed
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/airbyte-image.txt requirements/
RUN python -m venv /opt/connector \
    && /opt/connector/bin/python -m pip install --require-hashes --requirement requirements/airbyte-image.txt
COPY . .
RUN /opt/connector/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm AS connector
COPY --from=installed /opt/connector /opt/connector
RUN groupadd --gid 1000 airbyte \
    && useradd --uid 1000 --gid 1000 --home-dir /airbyte --create-home airbyte
WORKDIR /airbyte
USER 1000:1000

FROM connector AS source
ENV AIRBYTE_ENTRYPOINT="/opt/connector/bin/source-pinterest-audiences"
ENTRYPOINT ["/opt/connector/bin/source-pinterest-audiences"]

FROM connector AS destination
ENV AIRBYTE_ENTRYPOINT="/opt/connector/bin/destination-pinterest-audiences"
ENTRYPOINT ["/opt/connector/bin/destination-pinterest-audiences"]

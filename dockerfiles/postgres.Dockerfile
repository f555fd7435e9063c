# SPDX-License-Identifier: GPL-2.0-or-later
# PostgreSQL, for compose.yaml: one database and one user, both called crosscheck.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man \
    && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
    && install -d -o postgres -g postgres -m 0700 /data
COPY postgres-entry /usr/local/bin/postgres-entry
USER postgres:postgres
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-entry"]

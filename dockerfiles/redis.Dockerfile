# SPDX-License-Identifier: GPL-2.0-or-later
# Redis, for compose.yaml. Its configuration is mounted: it has the password.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man \
    && install -d -o 999 -g 999 -m 0700 /data
USER 999:999
WORKDIR /data
VOLUME /data
ENTRYPOINT ["redis-server"]

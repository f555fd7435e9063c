# SPDX-License-Identifier: GPL-2.0-or-later
# crosscheck itself: coordinators and workers. Commands run in containers of their own, beside
# this one; of Debian it needs what applies series and keeps trees.
#   BASE  a Debian with Python 3.11 or newer
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates git openssh-client python3 python3-venv util-linux \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man \
    && useradd --uid 1000 --create-home --home-dir /var/lib/crosscheck crosscheck
# The certificates are those that the building machine trusts: a proxy may have its own.
COPY certificates.crt /tmp/
COPY crosscheck /opt/crosscheck/source
RUN python3 -m venv /opt/crosscheck \
    && PIP_CERT=/tmp/certificates.crt /opt/crosscheck/bin/pip install --quiet --no-cache-dir \
        --editable '/opt/crosscheck/source[postgresql,s3]'
ENV PATH=/opt/crosscheck/bin:/usr/local/bin:/usr/bin:/bin \
    XDG_CACHE_HOME=/var/lib/crosscheck/cache \
    XDG_STATE_HOME=/var/lib/crosscheck/state
USER 1000:1000
WORKDIR /var/lib/crosscheck
ENTRYPOINT ["crosscheck"]

# SPDX-License-Identifier: GPL-2.0-or-later
# What a job's commands run in: compilers of one family, or emulators, for every architecture.
#   BASE      a Debian; its release decides the versions
#   PACKAGES  what is installed in it
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS enter
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev linux-libc-dev
COPY enter.c /enter.c
RUN gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -o /enter /enter.c

FROM ${BASE}
ARG PACKAGES
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ${PACKAGES} \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man
COPY --from=enter /enter /usr/libexec/crosscheck/enter
USER 1000:1000
ENTRYPOINT ["/usr/libexec/crosscheck/enter"]

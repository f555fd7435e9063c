# SPDX-License-Identifier: GPL-2.0-or-later
# What builds kernels: one toolchain family, for every architecture.
#   BASE        a Debian; its release decides the versions of gcc
#   TOOLCHAINS  packages of the compilers
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS enter
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev linux-libc-dev
COPY enter.c /enter.c
RUN gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -o /enter /enter.c

FROM ${BASE}
ARG TOOLCHAINS
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        bc bison ccache cpio flex gcc gzip libc6-dev libelf-dev libssl-dev make openssl perl python3 \
        ${TOOLCHAINS} \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man
COPY --from=enter /enter /usr/libexec/crosscheck/enter
USER 1000:1000
ENTRYPOINT ["/usr/libexec/crosscheck/enter"]

# SPDX-License-Identifier: GPL-2.0-or-later
# The commands of a fresh clone; each does the set-up that it needs, once.

.PHONY: help setup images demo demo-broken test test-all lint

help:
	@echo "make demo         check an example series on three architectures, from nothing"
	@echo "make demo-broken  the same with a series that is broken on purpose"
	@echo "make test         pass the tests (unit, integration, one real kernel)"
	@echo "make setup        the set-up alone: leaves the command at .venv/bin/crosscheck"
	@echo "make images       the images that commands run in with --runtime docker, and crosscheck's own"
	@echo "make test-all     every test, with all real kernels: about an hour"
	@echo "make lint         ruff, mypy and import-linter"

setup:
	@scripts/setup

images: setup
	@scripts/engine .venv/bin/python scripts/images

demo: setup
	@scripts/demo examples/good 0 arm64 mips s390

demo-broken: setup
	@scripts/demo examples/broken 1 arm64 riscv64 s390

test: setup
	@scripts/engine scripts/test quick

test-all: setup
	@scripts/engine scripts/test all

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

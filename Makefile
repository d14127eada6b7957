# 免提 mianti — one verb for everything; `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ROOMS  := hub adapters certificates seals catalog

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check bench fuzz fix schema lock clean

help: ## 列出命令 list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## 建立运行环境 create the environment (locked, hash-checked)

$(STAMP): requirements-dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## 演示 start sandbox and hub, run the journeys, verify every receipt, write var/demo
	@$(BIN)/mianti demo

serve: $(STAMP) ## 常驻 leave hub and sandbox running and print what to try
	@$(BIN)/mianti serve --sandbox

test: $(STAMP) ## 测试 all tests, on SQLite and PostgreSQL, over real sockets
	@$(BIN)/python -m pytest

check: $(STAMP) ## 检查 format, lint, types, import contracts, catalog and manifests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/mianti catalog check
	@$(BIN)/mianti adapters check

bench: $(STAMP) ## 测速 measure speed as ratios in one run, print and write var/bench
	@$(BIN)/python -m tests.bench

fuzz: $(STAMP) ## 乱码 broken bytes for every parser, SECONDS each (60); guided by atheris where it is installed
	@$(BIN)/python -m tests.fuzz $(or $(SECONDS),60) $(NAMES)

fix: $(STAMP) ## 整理 format and mend what a machine can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schema: $(STAMP) ## 导出 write the manifest's JSON Schema
	@$(BIN)/mianti adapters schema > adapters/manifest.schema.json

lock: ## 锁定 resolve again (maintainers; needs uv on the PATH)
	@uv pip compile -q --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements.lock
	@uv pip compile -q --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock

clean: ## 清除 remove what was made
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis

# Task names only. meson.build describes the build, tools/ does the work.
BUILD  ?= build
PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3
MESON_OPTIONS ?=

.PHONY: all deps configure demo test bench soak format lint docs install clean help

all: configure ## build docq, docq-extract, libdocq and docq.pc into build/
	ninja -C $(BUILD)

configure:
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX) $(MESON_OPTIONS)

deps: ## install the Debian packages that are missing
	tools/install-deps.sh

demo: deps all ## process the samples before your eyes; EXIT=1 stops afterwards
	$(BUILD)/docq demo --samples samples $(if $(EXIT),--exit)

test: deps all ## build and run every test
	$(PYTHON) tools/run-tests.py --build $(BUILD)

bench: deps all ## measure, print the table, write it as JSON; QUICK=1 only tries it
	$(PYTHON) bench/run.py --build $(BUILD) $(if $(QUICK),--quick)

soak: deps all ## the long form of fuzzing and crash tests
	$(PYTHON) tools/run-tests.py --build $(BUILD) --soak

format: ## let clang-format lay out every source file
	tools/lint.sh --format

lint: configure ## check the layout and run clang-tidy
	tools/lint.sh $(BUILD)

docs: ## write the pages that come from tables
	$(PYTHON) tools/gen-docs.py

install: all ## install below PREFIX (DESTDIR is honoured)
	meson install -C $(BUILD) --no-rebuild

clean: ## remove what was built
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

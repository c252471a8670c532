# From a folder of photos to a served model archive. `make help` lists the targets.
# Things are files, built when missing or out of date; verbs are phony.

# Empty: the first suitable one on the PATH (requirements/find-python).
PYTHON        ?=
MODEL_NAME    ?= flowers
# From the command line only: VERSION=2.0 means model-store/flowers-2.0.mar, beside flowers.mar.
VERSION       :=
# Likewise, as other builds have an ARCH in their environment: the starter to serve, or the network
# to train or import.
ARCH          :=
# Side of the pictures in pixels; auto tries smaller ones too.
SIZE          :=
MODEL_VERSION ?= $(or $(VERSION),1.0)
# auto measures on DATA_URL's photos which is the fastest that is exact enough.
RUNTIME       ?= auto
PORT          ?= 8080
RUN_DIR       ?= run
PROFILE       ?= development
MODEL_STORE   ?= model-store
BUILD_DIR     ?= build
DATA_URL      ?= data_set
TRAIN_URL     ?= artifacts
EVAL_URL      ?= out
MODELARTS_URL ?= modelarts-package
RECIPE        ?= config/train.toml
PHOTOS        ?= $(call written,DATA_URL)/val
UI_PORT       ?= 7860
IMAGE         ?= docs/sunflower.png
# PROFILE=production uses LISTEN, METRICS_LISTEN, TLS_CERT, TLS_KEY, TLS_NAMES, PLAIN_HTTP=1,
# ALLOW_ROOT=1. CLIENTS is a folder with keys of clients, besides RUN_DIR/clients.
# WORKERS, MODEL_API=1, MIN, MAX, TARGET_QUEUE_MS, SOURCE, RESUME=1 and ARGS (further options of the
# command) are optional.

# An inherited PYTHONPATH would be served instead of the archive.
unexport PYTHONPATH
export PYTHONDONTWRITEBYTECODE := 1

VENV     := .venv
UI_VENV  := .venv-ui
BIN      := $(VENV)/bin
PY       := $(BIN)/python
ARCHIVE  := $(MODEL_NAME)$(VERSION:%=-%)
MAR      := $(MODEL_STORE)/$(ARCHIVE).mar
BUILD    := $(BUILD_DIR)/$(ARCHIVE)
# Whether a variable was set on the command line or in the environment.
given     = $(filter-out file,$(origin $1))
# A variable as it was written: `$` and blanks in a path mean themselves.
written   = $(if $(filter-out file undefined,$(origin $1)),$(value $1),$($1))
# The same as one word of the shell, whatever is in it; a leading ~/ stays the home folder.
quoted    = $(subst @:',',$(subst @:'~/,~/',@:'$(subst ','\'',$(call written,$1))'))
# An option with the variable's value, if it has one.
there     = $(shell test -e $(call quoted,$1) && echo yes)
option    = $(if $(call written,$2),$1 $(call quoted,$2))
# Stops if a variable that was set fits the shell's pattern.
refuse    = $(if $(filter-out file undefined,$(origin $1)),$(if \
  $(shell case $(call quoted,$1) in ($2) echo no;; esac),$(error $1=$(call written,$1): expected $3)))

# Stops if a variable that was set is no decimal number, or the shell's test on $n fails.
number    = $(if $(filter-out file undefined,$(origin $1)),$(if \
  $(shell n=$(call quoted,$1); case "$$n" in ('' | *[!0-9.]* | .* | *. | *.*.*) ;; (*) \
  $2 && echo yes;; esac 2> /dev/null),,$(error $1=$(call written,$1): expected $3)))
least     = $(call number,$1,test "$$n" -ge $2,a whole number from $2)
within    = $(call number,$1,test "$$n" -ge $2 && test "$$n" -le $3,a whole number from $2 to $3)
# One of a few words.
one_of    = $(if $(filter-out file undefined,$(origin $1)),$(if $(filter \
  $(words $(call written,$1))-$(strip $(call written,$1)),$(addprefix 1-,$2)),,$(error \
  $1=$(call written,$1): expected one of $2)))
positive  = $(call number,$1,test "$$(printf '%s' "$$n" | tr -d 0.)",a number above 0)

# What cannot work ends here, before anything is built. An option that stands nowhere in this file
# is a misspelt one; those of a make that calls this one may be its own.
ifeq ($(MAKELEVEL),0)
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(if $(shell \
  name='$(subst ','\'',$(name))'; case "$$name" in (*[!A-Z0-9_]*) ;; (*) \
  grep -w "$$name" $(firstword $(MAKEFILE_LIST));; esac),,$(error $(name)=$(value $(name)): there is \
  no option $(name), see `make help`; a variable for the programs goes first: $(name)=... make))))
endif
$(foreach name,MODEL_NAME VERSION MODEL_VERSION RUN_DIR IMAGE SOURCE WEIGHTS LABELS DATA_URL EVAL_URL \
  MODELARTS_URL RECIPE PHOTOS INPUT OUTPUT MODEL_STORE BUILD_DIR SERVER COMPARE,$(call \
  refuse,$(name),'',a value; leave it out for the default))
# A server takes seven ports in a row (client/api/addresses.py).
$(call within,PORT,1024,65529)
$(call within,UI_PORT,1024,65535)
$(foreach name,MIN MAX FUZZ_REQUESTS,$(call least,$(name),1))
$(call least,WORKERS,$(if $(filter scale,$(MAKECMDGOALS)),0,1))
$(foreach name,TARGET_QUEUE_MS P99_MS,$(call positive,$(name)))
$(foreach name,MODEL_API RESUME PLAIN_HTTP ALLOW_ROOT WRITE RESTART,$(call \
  refuse,$(name),[!1]* | ??*,1; leave it out for no))
$(call one_of,PROFILE,development production)
$(call one_of,RUNTIME,auto openvino-int8 openvino-bf16 openvino-fp32 torch-bf16 torch-fp32)
$(call refuse,MODEL_NAME,[!A-Za-z0-9]* | *[!A-Za-z0-9_.-]*,letters and digits and _.- such as my_flowers)
$(foreach name,VERSION MODEL_VERSION,$(call refuse,$(name),*[!A-Za-z0-9_.-]*,a version such as 2.0))
$(if $(call written,TORCH_INDEX),$(if $(findstring /,$(call written,TORCH_INDEX)),,$(error \
  TORCH_INDEX=$(call written,TORCH_INDEX): expected the address that pytorch.org names for CPU)))
# make itself works with these, and knows no quotes.
$(foreach name,MODEL_STORE BUILD_DIR,$(call refuse,$(name),*[[:space:]\"\'\*\?:\;%\&\|\(\)\[]*,a \
  folder without blanks and brackets and quotes))

# A starter stands in only where no model was named, and no training has begun here; ARCH names one.
STARTERS := resnet34=pretrained efficientnet_lite0=pretrained/efficientnet-lite0
STARTER  := $(patsubst $(or $(ARCH),resnet34)=%,%,$(filter $(or $(ARCH),resnet34)=%,$(STARTERS)))
MODEL    := $(if $(call given,TRAIN_URL)$(if $(ARCH),,$(wildcard $(TRAIN_URL)/*)),$(call written,TRAIN_URL),$(STARTER))
ifeq ($(MODEL),)
$(if $(call given,TRAIN_URL),$(error TRAIN_URL is empty: name a model, such as TRAIN_URL=pretrained, or leave it out))
$(if $(filter train import,$(MAKECMDGOALS)),,$(error there is no starter $(ARCH): name a model with \
  TRAIN_URL, or one of the starters $(foreach each,$(STARTERS),$(firstword $(subst =, ,$(each))))))
endif
WISHES    = --model $(call quoted,MODEL) --runtime $(call quoted,RUNTIME) \
  --version $(MODEL_VERSION) --data-url $(call quoted,DATA_URL) \
  --model-config config/model-config.yaml $(call option,--arch,ARCH) $(call option,--size,SIZE)
SCORE    := .venv-score
CLIENT   := $(PY) -m client
# A server is identified by its RUN_DIR, which records its port; a given PORT must match it.
AT       := $(if $(call given,PORT),$(call option,--port,PORT)) \
  $(if $(call given,RUN_DIR),$(call option,--run-dir,RUN_DIR))

# An environment keeps its Python: a PYTHON that contradicts it is refused.
ifneq ($(and $(PYTHON),$(wildcard $(VENV)/pyvenv.cfg)),)
OBJECTION := $(shell requirements/find-python $(call quoted,PYTHON) $(VENV))
$(if $(OBJECTION),$(error $(OBJECTION)))
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
# One environment grows; two at a time would undo each other's work.
.NOTPARALLEL:

##@ Serve
.PHONY: archive
archive: $(MAR).sha256 ## build and verify model-store/flowers.mar (ARCH, RUNTIME, SIZE, VERSION)

.PHONY: serve
serve: may-serve $(MAR).sha256 ## start TorchServe with it and wait for a prediction (PORT, WORKERS, PROFILE)
	@$(START)

# Asked before the archive is built: a port that is taken, a certificate that is missing.
.PHONY: may-serve
may-serve: $(VENV)/installed
	@$(START) --check-only

START = $(PY) -m server start $(MAR) --model-name $(MODEL_NAME) $(AT) \
  --example $(call quoted,IMAGE) $(call option,--workers,WORKERS) $(if $(MODEL_API),--model-api) \
  --profile $(call quoted,PROFILE) $(call option,--host,LISTEN) \
  $(call option,--metrics-host,METRICS_LISTEN) $(TLS_NAMES:%=--tls-name %) \
  $(call option,--tls-certificate,TLS_CERT) $(call option,--tls-key,TLS_KEY) \
  $(if $(PLAIN_HTTP),--plain-http) $(call option,--clients,CLIENTS) \
  $(if $(ALLOW_ROOT),--allow-root) $(if $(RESTART),--restart)

.PHONY: stop
stop: $(VENV)/installed ## wait for requests in flight, then stop the server
	@$(PY) -m server stop $(AT)

.PHONY: restart
restart: ## stop and serve, with the archive ready before the server stops
	@$(MAKE) --no-print-directory serve RESTART=1

.PHONY: predict
predict: $(VENV)/installed ## classify files and folders through the running server (IMAGE="a.jpg b.jpg")
	@$(CLIENT) predict $(AT) --model $(MODEL_NAME) $(ARGS) -- $(call quoted,IMAGE)

.PHONY: token
token: $(VENV)/installed ## print the inference key: curl -H "Authorization: Bearer $(make -s token)"
	@$(CLIENT) token $(AT) $(ARGS)

.PHONY: scale
scale: $(VENV)/installed ## change the number of workers without losing a request (WORKERS=n)
	@$(CLIENT) scale $(AT) --model $(MODEL_NAME) \
	  $(or $(WORKERS),$(error say how many: make scale WORKERS=2)) $(ARGS)

.PHONY: autoscale
autoscale: $(VENV)/installed ## adjust the number of workers to the load (MIN, MAX, TARGET_QUEUE_MS)
	@$(CLIENT) autoscale $(AT) --model $(MODEL_NAME) $(call option,--min,MIN) \
	  $(call option,--max,MAX) $(call option,--target-queue-ms,TARGET_QUEUE_MS) $(ARGS)

.PHONY: deploy
deploy: may-deploy $(MAR).sha256 ## deploy a new version without losing a request (VERSION=2.0)
	@$(DEPLOY)

# Asked before the archive is built: a server that takes no models, a version that is in service.
.PHONY: may-deploy
may-deploy: $(VENV)/installed
	@$(DEPLOY) --check-only

DEPLOY = $(CLIENT) deploy $(AT) --model $(MODEL_NAME) \
  $(or $(VERSION),$(error say which: make deploy VERSION=2.0)) \
  --samples $(if $(or $(call given,PHOTOS),$(call there,PHOTOS)),$(call quoted,PHOTOS)) \
  $(call quoted,IMAGE) $(ARGS)

.PHONY: rollback
rollback: $(VENV)/installed ## return to the previous version
	@$(CLIENT) rollback $(AT) --model $(MODEL_NAME) --samples $(call quoted,IMAGE) $(ARGS)

.PHONY: score
score: $(MAR).sha256 $(SCORE)/installed ## score a folder or bucket of photos into Parquet (INPUT, OUTPUT, WORKERS)
	@$(SCORE)/bin/python -m score --mar $(MAR) \
	  $(or $(call option,--input,INPUT),$(error say which photos: make score INPUT=photos/ OUTPUT=scores/)) \
	  $(or $(call option,--output,OUTPUT),$(error say where to: make score INPUT=photos/ OUTPUT=scores/)) \
	  $(call option,--workers,WORKERS) $(ARGS)

.PHONY: status
status: $(VENV)/installed ## show workers, queue, versions, memory
	@$(CLIENT) status $(AT) --model $(MODEL_NAME)

.PHONY: logs
logs: $(VENV)/installed ## show the last lines of the server's logs
	@$(PY) -m server logs $(call option,--run-dir,RUN_DIR)

.PHONY: ui
ui: $(UI_VENV)/installed ## a web page for trying it (SERVER=https://..., COMPARE, UI_PORT)
	@$(UI_VENV)/bin/python -m ui --model $(MODEL_NAME) --page-port $(UI_PORT) \
	  $(or $(call option,--server,SERVER),$(AT)) $(call option,--compare,COMPARE) \
	  $(call option,--compare-run-dir,COMPARE_RUN_DIR) $(call option,--compare-model,COMPARE_MODEL) $(ARGS)

##@ Train
.PHONY: data
data: $(VENV)/installed-full ## fill DATA_URL from SOURCE=folder or tarball, or download tf_flowers
	@$(PY) -m train.data --data_url $(call quoted,DATA_URL) $(call option,--source,SOURCE) $(ARGS)

.PHONY: train
train: $(VENV)/installed-full ## train on DATA_URL into TRAIN_URL (RECIPE, RESUME=1, ARGS="--set epochs=5")
	$(PY) -m train --data_url $(call quoted,DATA_URL) --train_url $(call quoted,TRAIN_URL) \
	  --eval_url $(call quoted,EVAL_URL) --recipe $(call quoted,RECIPE) $(if $(RESUME),--resume) $(ARGS)

.PHONY: evaluate
evaluate: $(VENV)/installed-full ## write the evaluation files of the trained model to EVAL_URL (COMPARE=another)
	$(PY) -m train.evaluation --data_url $(call quoted,DATA_URL) --train_url $(call quoted,MODEL) \
	  --eval_url $(call quoted,EVAL_URL) $(call option,--compare,COMPARE) $(ARGS)

.PHONY: modelarts
modelarts: $(VENV)/installed-full ## write the package that ModelArts imports to MODELARTS_URL/model
	$(PY) -m archive.modelarts --model $(call quoted,MODEL) --data-url $(call quoted,DATA_URL) \
	  --output $(call quoted,MODELARTS_URL)

.PHONY: import
import: $(VENV)/installed-full ## a model folder from weights trained elsewhere (WEIGHTS, LABELS, ARCH)
	@$(PY) -m archive.imports --train-url $(call quoted,TRAIN_URL) \
	  $(or $(call option,--weights,WEIGHTS),$(error say which: make import WEIGHTS=resnet34.pth LABELS=class_indices.json)) \
	  $(call option,--labels,LABELS) $(call option,--arch,ARCH) \
	  $(if $(call given,DATA_URL)$(call there,DATA_URL),$(call option,--data-url,DATA_URL)) $(ARGS)

##@ Measure
# The first starter is measured with the second one beside it.
SECOND := $(if $(filter pretrained,$(MODEL)),efficientnet_lite0)
.PHONY: bench
bench: $(MAR).sha256 $(VENV)/installed-dev ## measure speed against other servers, on PHOTOS (ARGS=--quick)
	$(if $(SECOND),@$(MAKE) --no-print-directory archive ARCH=$(SECOND) MODEL_STORE=$(BUILD_DIR)/second \
	  BUILD_DIR=$(BUILD_DIR)/second/build)
	$(PY) -m bench.speed --mar $(MAR) --model $(call quoted,MODEL) --photos $(call quoted,PHOTOS) \
	  --data-url $(call quoted,DATA_URL) \
	  $(if $(SECOND),--second $(BUILD_DIR)/second/$(ARCHIVE).mar pretrained/efficientnet-lite0) $(ARGS)

.PHONY: tune
tune: $(MAR).sha256 $(VENV)/installed-full ## find the fastest settings for this machine (PHOTOS, P99_MS=50, WRITE=1)
	$(PY) -m bench.tune --mar $(MAR) --model $(call quoted,MODEL) --photos $(call quoted,PHOTOS) \
	  $(call option,--p99-ms,P99_MS) $(if $(WRITE),--write) $(ARGS)

.PHONY: quality
quality: $(VENV)/installed-full ## measure the served model's accuracy, calibration and robustness on DATA_URL/val
	$(PY) -m bench.quality $(AT) --model $(MODEL_NAME) --data-url $(call quoted,DATA_URL) \
	  $(if $(call given,TRAIN_URL),--model-url $(call quoted,TRAIN_URL)) $(ARGS)

.PHONY: faults
faults: $(MAR).sha256 $(VENV)/installed-dev ## measure what clients see when something breaks, on PHOTOS
	$(PY) -m bench.faults --mar $(MAR) --photos $(call quoted,PHOTOS) --page docs/operations.md $(ARGS)

.PHONY: floods
floods: $(MAR).sha256 $(VENV)/installed-dev ## measure what floods of large photos and strangers do to a client with small ones (PHOTOS)
	$(PY) -m bench.floods --mar $(MAR) --photos $(call quoted,PHOTOS) --page docs/operations.md $(ARGS)

# A small model: the soak tests the server around it.
SOAK := $(BUILD_DIR)/soak
.PHONY: soak
soak: $(VENV)/installed-dev ## run full load for 20 minutes on PHOTOS: does memory or latency grow?
	$(PY) -m bench.soak.model $(SOAK)/model
	@$(MAKE) --no-print-directory archive MODEL_STORE=$(SOAK)/store BUILD_DIR=$(SOAK) \
	  TRAIN_URL=$(SOAK)/model DATA_URL=none RUNTIME=openvino-fp32
	$(PY) -m bench.soak --mar $(SOAK)/store/$(MODEL_NAME).mar --model $(SOAK)/model \
	  --photos $(call quoted,PHOTOS) --work $(SOAK)/work --page docs/operations.md $(ARGS)

##@ Develop
.PHONY: test
test: check $(VENV)/installed-dev $(SCORE)/installed $(UI_VENV)/installed ## run all lint, type and test checks that must pass
	$(BIN)/pytest -n 2 --max-worker-restart 0 --ignore tests/archive $(ARGS)
	$(BIN)/pytest -n 2 --max-worker-restart 0 $(ARGS) tests/archive

.PHONY: check
check: $(VENV)/installed-dev ## run lint and type checks only
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

.PHONY: fuzz
fuzz: $(VENV)/installed-dev ## send 10,000 malformed bodies to a separate server (FUZZ_REQUESTS)
	@FUZZ_REQUESTS=$(or $(FUZZ_REQUESTS),10000) FUZZ_PAGE=docs/operations.md $(BIN)/pytest -q tests/e2e/test_fuzz.py

.PHONY: lock
lock: $(VENV)/installed-dev ## pin the requirements again, with hashes
	$(LOCK) --group uv -o requirements/uv.txt
	$(LOCK) pyproject.toml --extra full --extra dev -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra full -o requirements/full.txt --constraint requirements/dev.txt
	$(LOCK) pyproject.toml -o requirements/serve.txt --constraint requirements/dev.txt
	$(LOCK) --group score -o requirements/score.txt --constraint requirements/dev.txt
	$(LOCK) --group ui -o requirements/ui.txt
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-annotate

.PHONY: stubs
stubs: $(VENV)/installed-dev ## regenerate the client's gRPC stubs from TorchServe's .proto files
	$(PY) -m grpc_tools.protoc -I. -I"$$($(PY) -c 'import grpc_tools; print(grpc_tools.__path__[0])')/_proto" \
	  -I"$$($(PY) -c 'import google.rpc; print(google.rpc.__path__[0])')/../.." \
	  --python_out=. --pyi_out=. --grpc_python_out=. client/api/grpc_stubs/*.proto

.PHONY: clean
clean: ## remove everything built (keeps .venv, data_set and trained models)
	rm -rf $(BUILD_DIR) $(MODEL_STORE)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^##@/ {print substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' \
	  $(MAKEFILE_LIST)

# The archive: built from the model, packed by TorchServe's own tool, sealed, then verified.
$(MAR): $(BUILD).changed
	@environment=$$($(PY) -m archive environment --model $(call quoted,MODEL) \
	  --runtime $(call quoted,RUNTIME) $(call option,--arch,ARCH) $(call option,--size,SIZE)) && \
	  $(MAKE) --no-print-directory -s $(VENV)/$$environment
	$(PY) -m archive build $(WISHES) --output $(BUILD) --record $(BUILD).inputs
	@rm -rf $(BUILD).packed && mkdir -p $(BUILD).packed $(BUILD_DIR)/tmp $(@D)
	TMPDIR=$(BUILD_DIR)/tmp $(BIN)/torch-model-archiver \
	  --model-name $(MODEL_NAME) --version $(MODEL_VERSION) \
	  --handler handler/resnet_handler.py --extra-files $(BUILD),handler \
	  --config-file config/model-config.yaml --export-path $(BUILD).packed
	$(PY) -m archive seal $(BUILD).packed/$(MODEL_NAME).mar
	@mv $(BUILD).packed/$(MODEL_NAME).mar $@

$(MAR).sha256: $(MAR)
	$(PY) -m archive verify $< --stamp $@ --data-url $(call quoted,DATA_URL)

# Touched only if an input of the archive has changed; the build itself records its inputs.
.PHONY: FORCE
$(BUILD).changed: FORCE | $(VENV)/installed
	@$(PY) -m archive.inputs $(BUILD).inputs $(WISHES) --changed $@

# The environments: pinned with hashes, installed by uv. $(VENV) is small, without PyTorch, until a
# target needs the full one; it never shrinks. The project itself is editable.
# TORCH_INDEX, where it is given, has PyTorch's wheels without CUDA: pytorch.org names its address.
INSTALL := $(if $(TORCH_INDEX),TORCH_INDEX=$(call quoted,TORCH_INDEX) )$(PY) requirements/install.py
$(VENV)/bin/uv: requirements/uv.txt
	@python="$$(requirements/find-python $(call quoted,PYTHON))" && { test -x $(PY) || \
	  { echo "making $(VENV) with $$("$$python" --version), $$python" >&2; "$$python" -m venv --clear $(VENV); }; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/installed: requirements/serve.txt pyproject.toml $(VENV)/bin/uv
	@$(INSTALL) serve

$(VENV)/installed-full: requirements/full.txt $(VENV)/installed
	@$(INSTALL) full

$(VENV)/installed-dev: requirements/dev.txt $(VENV)/installed
	@$(INSTALL) dev

# The page's environment: Gradio needs an older Pillow than the classifier.
$(UI_VENV)/installed: requirements/ui.txt $(VENV)/bin/uv
	@$(INSTALL) ui --into $(UI_VENV)

# Ray and Arrow for `make score`; everything else comes from $(VENV).
$(SCORE)/installed: requirements/score.txt $(VENV)/installed
	@$(INSTALL) score --into $(SCORE) --over

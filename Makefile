# Everything happens in tools/bootstrap.py, so that it is the same where there is no make: python tools/bootstrap.py lab
#
#   PYTHON=python3.12       the Python to build .venv with (default: the first of 3.10 to 3.14 that is found)
#   GPU=1                   PyTorch with CUDA (Linux without an NVIDIA driver); GPU=0: without
#   PIP=1                   pip in place of uv
#   ARGS="--port 8899"      passed on to JupyterLab, the fuzzer, the benchmarks, the notebook runner or the page

export PYTHON GPU PIP

# The script itself runs on any Python from 3.8 on, and looks for the right one from there.
STARTER := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python "$(PYTHON)"; do \
	"$$python" -c "import sys; sys.exit(sys.version_info < (3, 8))" 2>/dev/null && command -v "$$python" && break; done)

.PHONY: help lab test test-quick parity fuzz lint notebooks bench web clean
.DEFAULT_GOAL := help

help lab test test-quick parity fuzz lint notebooks bench web clean:
	@$(if $(STARTER),,echo "No Python from 3.8 on was found. Install Python 3.10 to 3.14: https://www.python.org/downloads/"; exit 1;) \
	"$(STARTER)" tools/bootstrap.py $@ $(ARGS)

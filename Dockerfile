# The image in which nodes run on Kubeflow Pipelines, Vertex AI and in TFJobs; docs/kubeflow.md says how to build it.
# It holds this folder, but for what .dockerignore names: the code, the problems, and what `runner.py compile` has written.

FROM python:3.11-slim AS built
WORKDIR /app
# Of what TFX needs, pyfarmhash is there as C++ alone. The compiler stays in this stage.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir 'uv>=0.8,<1'
# First what seldom changes: the locked dependencies, byte-compiled (each process would compile them anew otherwise).
COPY pyproject.toml uv.lock README.md ./
RUN UV_PYTHON_DOWNLOADS=never uv sync --locked --no-dev --extra postgresql --extra mysql --python "$(command -v python)"

FROM python:3.11-slim
WORKDIR /app
# Before the code, which changes with each compiled pipeline: what is large stays as it was built and pushed.
COPY --from=built /app/.venv .venv
COPY . .
# Line by line into the platform's log; and our own code byte-compiled, since a pod may not be able to write here.
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1
RUN python -m compileall -q components pipeline data runner.py

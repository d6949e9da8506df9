# One image for the API, the worker, the sandbox world and the migration; the command says which.

FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml ./
# The installer and the build backend come out of the lock by hash. Then uv checks what is installed against the
# lock's hashes too, and leaves out what only developers need.
RUN awk '/^[^ ]/ { on = /^(uv|hatchling|packaging|pathspec|pluggy|trove-classifiers)==/ } on' requirements.lock > tools.lock \
 && pip install --no-cache-dir --require-hashes --no-deps --requirement tools.lock \
 && python -m venv /opt/caas \
 && uv pip install --no-cache --python /opt/caas/bin/python --constraint requirements.lock --requirement pyproject.toml
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && uv pip install --no-cache --python /opt/caas/bin/python --no-deps /wheel/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/caas caas
COPY --from=build /opt/caas /opt/caas
USER caas
WORKDIR /var/lib/caas
ENV PATH=/opt/caas/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
ENTRYPOINT ["caas"]
CMD ["api"]

# UnionGraph as an image: locked dependencies, the program and GraphiQL's files, run by a user without rights.

FROM python:3.12-slim AS build
WORKDIR /srv/source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt requirements-node.txt ./
RUN python -m venv /srv/uniongraph && /srv/uniongraph/bin/pip install --quiet --require-hashes -r requirements.txt
RUN python -m venv /srv/node && /srv/node/bin/pip install --quiet --require-hashes -r requirements-node.txt
COPY . .
RUN /srv/uniongraph/bin/pip install --quiet --no-index --no-deps --no-build-isolation . \
 && PATH="/srv/node/bin:$PATH" /srv/uniongraph/bin/python -m app.http.graphiql_files

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /srv/data --create-home uniongraph
COPY --from=build /srv/uniongraph /srv/uniongraph
USER uniongraph
WORKDIR /srv/data
VOLUME /srv/data
ENV PATH="/srv/uniongraph/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    UNIONGRAPH_DATA=/srv/data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=5 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["uniongraph", "serve", "--host", "0.0.0.0", "--port", "8000"]

# rag-pipeline on a CPU: docker build -t rag .
# How it is run stands in docs/serving.md, "In a container".
FROM python:3.12-slim

# Where PyTorch comes from: the usual index has it with CUDA, gigabytes that a CPU cannot use.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=readers,serve

WORKDIR /src
COPY constraints.txt ./
RUN pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' constraints.txt | cut -d ';' -f 1)"
COPY pyproject.toml README.md LICENSE ./
COPY rag_pipeline rag_pipeline
RUN pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"

RUN useradd --create-home --uid 10001 rag \
 && mkdir -p /data/documents /data/chroma_db /data/cache \
 && chown -R rag:rag /data
USER rag
WORKDIR /data
# Documents, collections, and the bundled model as it is unpacked at first use. A config.yaml may lie next to them.
VOLUME ["/data/documents", "/data/chroma_db", "/data/cache"]
# From outside of the container it is reached at any address; that takes a token, RAG_PIPELINE_SERVE__TOKEN.
ENV RAG_PIPELINE_CACHE_DIR=/data/cache \
    RAG_PIPELINE_SERVE__HOST=0.0.0.0
EXPOSE 8010
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8010/livez', timeout=5)"]
CMD ["rag-pipeline", "serve"]

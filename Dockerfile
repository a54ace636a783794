# indextts2 serve. EXTRA=cuda12 or cuda13 for an NVIDIA GPU (docker run --gpus=all); without it the CPU computes.
FROM python:3.13-slim-bookworm

ARG EXTRA=""
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 INDEXTTS2_CACHE=/cache

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY indextts2_jax indextts2_jax
COPY convert convert
COPY configs configs
# The versions are those of pyproject.toml.
# hadolint ignore=DL3013
RUN pip install ".[server,wyoming,formats,emotion-text,loudness${EXTRA:+,$EXTRA}]" \
    && useradd --create-home --uid 10001 speaker \
    && install -d -o speaker /cache /voices

USER 10001
WORKDIR /home/speaker
VOLUME ["/cache", "/voices"]
EXPOSE 8000 10200
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["indextts2", "serve", "--host=0.0.0.0", "--port=8000", "--voices=/voices"]
CMD ["--checkpoint=demo", "--api_key_file=/keys.txt"]

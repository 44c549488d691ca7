# The images of parallelrun, one target each:
#
#   operator            reconciles ParallelRunJobs; no pandas, pyarrow or numpy
#   runner              the agent, and what a job's worker runs in where the job names no image
#   runner-tensorflow   the same with TensorFlow and Pillow
#
#   docker build --target runner -t parallelrun/runner:0.1.0 .
#
# Works with BuildKit and with the legacy builder. Build arguments: BASE_IMAGE (a Python 3.11 or newer), BUILD_IMAGE (the
# same with pip; by default BASE_IMAGE), PIP_INDEX_URL and PIP_EXTRA_INDEX_URL. Behind a proxy that signs with a CA of its
# own: put the bundle beside this file as ca.crt and pass PIP_CERT=/build/ca.crt; it stays in the build stages.
ARG BASE_IMAGE=python:3.11-slim-bookworm
ARG BUILD_IMAGE=${BASE_IMAGE}

# The legacy builder runs every stage above the one that is wanted, so each image follows what only it needs.

FROM ${BUILD_IMAGE} AS build
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY LICENSE ca.cr[t] /build/
RUN python3 -m venv --without-pip /opt/parallelrun

FROM build AS project
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY runner-image/requirements-build.lock /build/
RUN python3 -m venv --without-pip /build/venv \
 && python3 -m pip --python /build/venv/bin/python install --quiet --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md /build/
COPY sdk /build/sdk
COPY operator /build/operator
COPY runner-image /build/runner-image
# The wheel goes into a virtual environment at the path that the images use, so that it can be laid over the packages.
RUN /build/venv/bin/python -m hatchling build --target wheel \
 && python3 -m pip --python /opt/parallelrun/bin/python install --quiet --no-deps --no-index dist/*.whl \
 && mkdir /project && cp -a /opt/parallelrun/lib /project/lib \
 && mkdir /project/bin && cp -a /opt/parallelrun/bin/*parallelrun* /project/bin/

# What all images have in common: a user without rights, and a Python that finds its packages on a read-only file system.
FROM ${BASE_IMAGE} AS base
RUN echo 'parallelrun:x:10001:' >>/etc/group && echo 'parallelrun:x:10001:10001:parallelrun:/tmp:/usr/sbin/nologin' >>/etc/passwd
ENV PATH=/opt/parallelrun/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.vendor="parallelrun"

FROM build AS operator-packages
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY operator/requirements.lock /build/
RUN python3 -m pip --python /opt/parallelrun/bin/python install --quiet --require-hashes -r requirements.lock

FROM base AS operator
COPY --from=operator-packages /opt/parallelrun /opt/parallelrun
COPY --from=project /project /opt/parallelrun
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="parallelrun operator" \
      org.opencontainers.image.description="Runs ParallelRunJobs in a Kubernetes cluster" \
      org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
ENTRYPOINT ["python", "-m", "parallelrun_operator"]

# Tests and headers of packages are a good part of them.
FROM build AS runner-packages
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY runner-image/requirements.lock /build/
RUN python3 -m pip --python /opt/parallelrun/bin/python install --quiet --require-hashes -r requirements.lock \
 && cd /opt/parallelrun/lib/python3*/site-packages && rm -rf pandas/tests pyarrow/tests pyarrow/include

FROM base AS runner
COPY --from=runner-packages /opt/parallelrun /opt/parallelrun
COPY --from=project /project /opt/parallelrun
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="parallelrun runner" \
      org.opencontainers.image.description="The agent of a ParallelRunJob's node, and Python with pandas and pyarrow for its scripts" \
      org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
ENTRYPOINT ["python", "-m", "parallelrun_agent"]

FROM build AS runner-tensorflow-packages
ARG PIP_CERT
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY runner-image/requirements-tensorflow.lock /build/
RUN python3 -m pip --python /opt/parallelrun/bin/python install --quiet --require-hashes -r requirements-tensorflow.lock \
 && cd /opt/parallelrun/lib/python3*/site-packages && rm -rf pandas/tests pyarrow/tests pyarrow/include tensorflow/include

FROM base AS runner-tensorflow
COPY --from=runner-tensorflow-packages /opt/parallelrun /opt/parallelrun
COPY --from=project /project /opt/parallelrun
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="parallelrun runner with TensorFlow" \
      org.opencontainers.image.description="The agent of a ParallelRunJob's node, and Python with TensorFlow for its scripts" \
      org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
ENTRYPOINT ["python", "-m", "parallelrun_agent"]

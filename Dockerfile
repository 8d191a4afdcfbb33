# The server, for the CPU (the default) and for NVIDIA GPUs.
# Build: docker build -t octavo .                      docker build --target cuda -t octavo:cuda .
# Run:   docker run --rm -p 8000:8000 -e OCTAVO_API_KEY=secret octavo
#        docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/my-model:/model:ro" octavo --insecure --model /model
#        docker run --rm --gpus all -p 8000:8000 -e OCTAVO_API_KEY=secret -v "$PWD/my-model:/model:ro" octavo:cuda --model /model
# A container is healthy when /ready says so: the model is loaded, its weights converted at the first start. The check knows
# another port by the variable PORT, not by --port.
# Inside, the server listens beyond loopback, so it asks for an API key, or for --insecure to do without one.

FROM node:24-bookworm-slim AS build
WORKDIR /octavo
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
# No install script is needed: onnxruntime-node brings its CPU library inside the package.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts
# The package carries the libraries of every platform; the image needs one.
RUN find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 1 -maxdepth 1 ! -name linux -exec rm -r {} + \
 && find node_modules/onnxruntime-node/bin/napi-v6/linux -mindepth 1 -maxdepth 1 \
      ! -name "$(node -p process.arch)" -exec rm -r {} +

# The CUDA provider of the same version, from the wheel, which is built for CUDA 13.
FROM python:3.11-slim-bookworm AS provider
WORKDIR /provider
COPY --from=build /octavo/node_modules/onnxruntime-node/package.json ./
RUN version="$(python -c 'import json; print(json.load(open("package.json"))["version"])')" \
 && pip download --no-deps --quiet "onnxruntime-gpu==$version" \
 && python -m zipfile -e onnxruntime_gpu-*.whl wheel \
 && mv wheel/onnxruntime/capi/libonnxruntime_providers_cuda.so wheel/onnxruntime/capi/libonnxruntime_providers_shared.so . \
 && rm -r wheel onnxruntime_gpu-*.whl

FROM nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04 AS cuda
# docker stop waits 10 s before it kills: what runs gets 7, its error events the rest.
ENV NODE_ENV=production HOST=0.0.0.0 OCTAVO_DEVICE=cuda OCTAVO_CACHE_DIR=/var/cache/octavo OCTAVO_SHUTDOWN_TIMEOUT=7
COPY --from=build /usr/local/bin/node /usr/local/bin/node
RUN useradd --system --uid 10001 octavo && mkdir -p /var/cache/octavo && chown octavo /var/cache/octavo
WORKDIR /octavo
COPY --from=build /octavo/package.json ./
COPY --from=build /octavo/node_modules ./node_modules
COPY --from=provider /provider/*.so ./node_modules/onnxruntime-node/bin/napi-v6/linux/x64/
COPY --from=build /octavo/dist ./dist
COPY models/octavo-mini ./models/octavo-mini
USER octavo
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=600s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8000) + '/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js", "serve"]

FROM node:24-bookworm-slim AS cpu
# docker stop waits 10 s before it kills: what runs gets 7, its error events the rest.
ENV NODE_ENV=production HOST=0.0.0.0 OCTAVO_DEVICE=cpu OCTAVO_CACHE_DIR=/var/cache/octavo OCTAVO_SHUTDOWN_TIMEOUT=7
RUN mkdir -p /var/cache/octavo && chown node:node /var/cache/octavo
WORKDIR /octavo
COPY --from=build /octavo/package.json ./
COPY --from=build /octavo/node_modules ./node_modules
COPY --from=build /octavo/dist ./dist
COPY models/octavo-mini ./models/octavo-mini
USER node
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=600s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8000) + '/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js", "serve"]

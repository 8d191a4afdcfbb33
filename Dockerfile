# The server on the CPU. Build: docker build -t octavo .
# Run:   docker run --rm -p 8000:8000 -e OCTAVO_API_KEY=secret octavo
#        docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/my-model:/model:ro" octavo --insecure --model /model
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

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 OCTAVO_CACHE_DIR=/var/cache/octavo
RUN mkdir -p /var/cache/octavo && chown node:node /var/cache/octavo
WORKDIR /octavo
COPY --from=build /octavo/package.json ./
COPY --from=build /octavo/node_modules ./node_modules
COPY --from=build /octavo/dist ./dist
COPY models/octavo-mini ./models/octavo-mini
USER node
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js", "serve"]

# Any Node 24 image on Debian; with a digest behind its name (name@sha256:...) it is the same one for ever.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No install scripts: nothing that production needs is compiled, and none has to run with our rights.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
RUN npm sbom --omit=dev --package-lock-only --sbom-format=cyclonedx > /tmp/packages.cdx.json
COPY scripts/image-root.ts scripts/image-files.ts scripts/sbom.ts scripts/
COPY src src
# Every file of the image gets this time, so that the same input makes the same layers.
ARG SOURCE_DATE_EPOCH=0
RUN node scripts/image-root.ts /image /tmp/packages.cdx.json

# Nothing but Node, the libraries that it loads, and the worker: no shell and no package manager, which are of use to an intruder alone.
FROM scratch
# What changes least comes first: a new version of the worker is a layer of half a megabyte.
COPY --from=build /image/runtime /
COPY --from=build /image/packages /
COPY --from=build /image/worker /
WORKDIR /app
ENV PATH=/usr/local/bin NODE_ENV=production
# By number, so that Kubernetes can verify runAsNonRoot.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", \
    "fetch('http://127.0.0.1:' + (process.env.HTTP_PORT || 8080) + '/healthz').then((r) => process.exit(+!r.ok), () => process.exit(1))"]
# Node is PID 1 and handles SIGTERM itself; a shell in between would swallow it.
# The sizes (MiB) are made for a memory limit of 512 MiB: objects 256, young ones 3 x 8, and the rest for what is outside of V8's heap (records
# as they were fetched, sockets, code). With more V8 lets garbage pile up until the kernel ends the container before V8 would tidy.
# Full collections begin at 80 MiB of old objects: what a worker holds at most; without, there are many more of them.
CMD ["node", "--enable-source-maps", "--disallow-code-generation-from-strings", "--max-semi-space-size=8", "--initial-old-space-size=80", "--max-old-space-size=256", "src/main.ts"]

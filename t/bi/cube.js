// cube.js
//   Starts Cube's server over the model in the working directory, asks it the queries from
//   standard input over HTTP, and prints the answers as JSON, for t/180_bi.pl.
//
//   Cube's package @cubejs-backend/native is a program of its own for Jinja in models and for
//   Cube's SQL API. Its installation fetches it from outside of npm's registry, so it may be
//   missing. A stand-in takes its place: this model has no Jinja, and the answers come by REST.
'use strict';

const Module = require('module');
const load = Module._load;
class NativeInstance {
  newJinjaEngine() { return {}; }
}
const native = {
  NativeInstance,
  setupLogger() {},
  isFallbackBuild: () => true,
  shutdownInterface: async () => {},
};
Module._load = function (name, ...more) {
  return name === '@cubejs-backend/native' ? native : load.call(this, name, ...more);
};

const { CubejsServerCore } = require('@cubejs-backend/server-core');
const PostgresDriver = require('@cubejs-backend/postgres-driver');
const express = require('express');

async function main() {
  const queries = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const server = new CubejsServerCore({
    apiSecret: 'a test',
    cacheAndQueueDriver: 'memory',
    checkAuth: async () => {},
    dbType: 'postgres',
    devServer: false,
    driverFactory: () => new PostgresDriver({
      host: process.env.PGHOST, port: process.env.PGPORT,
      database: process.env.PGDATABASE, user: process.env.PGUSER,
    }),
    logger: (message, { error }) => error && console.error(message, error),
    scheduledRefreshTimer: false,
    schemaPath: 'model',
    telemetry: false,
  });
  const app = express();
  await server.initApp(app);
  const listening = app.listen(0, '127.0.0.1', async () => {
    const answers = {};
    for (const [name, query] of Object.entries(queries)) {
      const address = `http://127.0.0.1:${listening.address().port}/cubejs-api/v1/load`;
      const response = await fetch(`${address}?query=${encodeURIComponent(JSON.stringify(query))}`);
      const body = await response.json();
      answers[name] = body.data ?? body;
    }
    console.log(JSON.stringify(answers));
    process.exit(0);
  });
}

main().catch((error) => { console.error(error); process.exit(1); });
